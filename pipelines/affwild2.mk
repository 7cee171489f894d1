# A corpus in the layout of Aff-Wild2 -> the six-fold table and the challenge's submission.
#
#   make -j -f pipelines/affwild2.mk ROOT=/data/Aff-Wild2 ENCODER=mae_vit_large.h5 OUT=out
#   make -j -f pipelines/affwild2.mk ROOT=/data/Aff-Wild2 FEATURES=/data/features OUT=out
#
#   ROOT          folder that holds the following, each of which can be given by itself
#   TRAIN_LABELS  <video>.txt       $(ROOT)/VA_Estimation_Challenge/Train_Set
#   VAL_LABELS    <video>.txt       $(ROOT)/VA_Estimation_Challenge/Validation_Set
#   CROPS         <video>/NNNNN.jpg $(ROOT)/cropped_aligned; or <video>.zip, or an archive with folders <video>
#                 (CROPS=crops.zip, CROPS=all.zip/cropped_aligned)
#   VIDEOS        <video>.mp4, .avi, .mov, .mkv, .webm  $(ROOT)/videos, taken for each video without crops;
#                 CROPS= takes videos alone
#   SAMPLE        official sample of a submission: names the test videos (optional)
#   ENCODER       a va.model/1 file of a vision transformer
#   FEATURES      folder of ready-made <video>.h5 (va.features/1) instead of videos
#   TUNE          yes: fine-tune ENCODER for each fold, on its training videos (FINETUNE_OPTIONS);
#                 the table then has a column for what that encoder says alone, smoothed
#   FRAMES        folder for decoded frames, $(OUT)/frames
#   FOLDS_TSV     folds as given (columns clip and fold) instead of random ones
#
# Targets: all (table, and submission with SAMPLE), frames, features, windows, cv, submission.
# One target per file and stage: -j runs videos and folds side by side, a second run does
# nothing; after a changed file or setting, it redoes what follows from it.
HERE := $(dir $(lastword $(MAKEFILE_LIST)))
.DEFAULT_GOAL := all
include $(HERE)params.mk

TRAIN_LABELS ?= $(ROOT)/VA_Estimation_Challenge/Train_Set
VAL_LABELS   ?= $(ROOT)/VA_Estimation_Challenge/Validation_Set
CROPS        ?= $(ROOT)/cropped_aligned
VIDEOS       ?= $(ROOT)/videos
LABELS        = $(TRAIN_LABELS) $(VAL_LABELS)

LABELS_BY     = ROOT, or TRAIN_LABELS and VAL_LABELS
# Fold 0 is the official split; va-fold split adds 1 to --folds.
FOLDS_THERE   = $(if $(FOLDS_TSV),$(call names,folds $(FOLDS_TSV)),$(shell seq 0 $(or $(lastword $(call names,folds_option $(call quoted,$(SPLIT_OPTIONS)))),5)))
split_from = $(if $(FOLDS_TSV),--folds-tsv $(FOLDS_TSV),--train-labels $(TRAIN_LABELS) \
                 --val-labels $(VAL_LABELS) --seed $(SEED))
TEST         := $(if $(SAMPLE),$(call names,sample $(SAMPLE)))
# A submission has a row for every frame of a test video, also after the last crop.
frames = $(if $(filter $(1),$(TEST)),$(if $(crops_of), \
             --frame-count $$(awk -F / '$$1 == "$(1)"' $(SAMPLE) | wc -l)))
include $(HERE)labelled.mk

.PHONY: submission
all: $(if $(SAMPLE),submission)
submission: $(OUT)/submission.txt

# ---- the test set: the models of all folds averaged ---------------------------------------------
$(call claim,test,$(OUT)/test.h5)
SETTINGS_test = $(PREDICT_OPTIONS) $(FOLDS) $(TEST) $(SAMPLE)
ifndef TUNE
$(OUT)/test.h5: $(MODELS) $(TEST:%=$(FEATURE_DIR)/%.h5) $(call settings,test)
	$(call tool,va-predict) $(PREDICT_OPTIONS) -j $(THREADS) $(MODELS:%=-m %) -o $@ $(call files,$(TEST:%=$(FEATURE_DIR)/%.h5))
endif
$(OUT)/submission.txt: $(OUT)/test.h5 $(SAMPLE)
	$(call tool,va-submit) --sample $(SAMPLE) -o $@ $<
