# A corpus in the layout of Aff-Wild2 -> the six-fold table and the challenge's submission.
#
#   make -j -f pipelines/affwild2.mk ROOT=/data/Aff-Wild2 ENCODER=mae_vit_large.h5 OUT=out
#   make -j -f pipelines/affwild2.mk ROOT=/data/Aff-Wild2 FEATURES=/data/features OUT=out
#
#   ROOT          folder that holds the following, each of which can be given by itself
#   TRAIN_LABELS  <video>.txt       $(ROOT)/VA_Estimation_Challenge/Train_Set
#   VAL_LABELS    <video>.txt       $(ROOT)/VA_Estimation_Challenge/Validation_Set
#   CROPS         <video>/NNNNN.jpg $(ROOT)/cropped_aligned
#   VIDEOS        <video>.mp4, .avi $(ROOT)/videos, used where there are no crops
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

LABEL_FILES := $(sort $(call names,files .txt $(LABELS)))
LABELLED    := $(sort $(call names,labelled $(LABELS)))
$(if $(LABELLED),,$(error no label files in $(LABELS): set ROOT, or TRAIN_LABELS and VAL_LABELS))
$(if $(ENCODER)$(FEATURES),,$(error set ENCODER, or FEATURES to use ready-made features))
$(if $(filter-out yes no,$(TUNE)),$(error TUNE=$(TUNE): expected yes or no))
override TUNE := $(filter yes,$(TUNE))
$(if $(FEATURES),,$(foreach f,$(ENCODER),$(if $(wildcard $(f)),,$(error $(f): no such file: set ENCODER to a file that exists))))
$(foreach f,$(FOLDS_TSV),$(if $(wildcard $(f)),,$(error $(f): no such file: set FOLDS_TSV to a file that exists)))
$(if $(TUNE),$(if $(FEATURES),$(error TUNE needs ENCODER and frames, not FEATURES)))
# Fold 0 is the official split; va-fold split adds 1 to --folds.
$(call need_folds,$(if $(FOLDS_TSV),$(call names,folds $(FOLDS_TSV)),$(shell seq 0 $(or $(lastword $(call names,folds_option $(call quoted,$(SPLIT_OPTIONS)))),5))))
TEST := $(if $(SAMPLE),$(call names,sample $(SAMPLE)))

FEATURE_DIR = $(if $(FEATURES),$(FEATURES),$(OUT)/features)
WINDOWS     = $(OUT)/windows.h5
WINDOW_FILES = $(WINDOWS)
SPLIT       = $(OUT)/folds

.PHONY: all frames features windows submission
all: cv $(if $(SAMPLE),submission)
frames: $$(patsubst %,$$(FRAMES)/%.h5,$$(LABELLED) $$(TEST))
features: $(LABELLED:%=$(FEATURE_DIR)/%.h5) $(TEST:%=$(FEATURE_DIR)/%.h5)
windows: $$(WINDOW_FILES)
submission: $(OUT)/submission.txt

# ---- frames and features: crops where there are any, else the video ---------------------------
videos_of = $(wildcard $(VIDEOS)/$(1).mp4 $(VIDEOS)/$(1).avi)
source = $(firstword $(wildcard $(CROPS)/$(1)) $(videos_of) $(CROPS)/$(1))
$(if $(FEATURES),,$(foreach v,$(LABELLED) $(TEST),$(if $(wildcard $(CROPS)/$(v)),,$(if $(word 2,$(call videos_of,$(v))),\
    $(error two videos for the name $(v): $(call videos_of,$(v)))))))
there = $(if $(FEATURES),$(wildcard $(FEATURES)/$(1).h5),$(wildcard $(CROPS)/$(1))$(videos_of))
$(foreach v,$(LABELLED) $(TEST),$(if $(call there,$(v)),,$(error found no $(if $(FEATURES),features,crops or video) of $(v): \
    expected $(if $(FEATURES),$(FEATURES)/$(v).h5,$(CROPS)/$(v), $(VIDEOS)/$(v).mp4 or .avi))))
# A submission has a row for every frame of a test video, also after the last crop.
frames = $(if $(filter $(1),$(TEST)),$(if $(wildcard $(CROPS)/$(1)), \
             --frame-count $$(awk -F / '$$1 == "$(1)"' $(SAMPLE) | wc -l)))
include $(HERE)features.mk
$(call claim_at,$(FRAMES)/.make/decode,$(patsubst %,$(FRAMES)/%.h5,$(LABELLED) $(TEST)))
$(if $(FEATURES),,$(call claim,embed,$(patsubst %,$(OUT)/features/%.h5,$(LABELLED) $(TEST))))

# ---- windows and folds ----------------------------------------------------------------------
SETTINGS_windows = $(WINDOW_OPTIONS) $(LABEL_OPTIONS) $(LABELS) $(LABELLED:%=$(FEATURE_DIR)/%.h5)
SETTINGS_split   = $(SPLIT_OPTIONS) $(split_from)
$(call ours,$(OUT)/windows.tsv)
$(call claim,windows,$(WINDOWS))
$(WINDOWS): $(LABELLED:%=$(FEATURE_DIR)/%.h5) $(LABEL_FILES) $(call settings,windows)
	@mkdir -p $(@D)
	$(call make_windows,$(LABELLED:%=$(FEATURE_DIR)/%.h5),$(OUT))

LISTS = $(foreach k,$(FOLDS),$(SPLIT)/$(k)/train.txt $(SPLIT)/$(k)/val.txt)
split_from = $(if $(FOLDS_TSV),--folds-tsv $(FOLDS_TSV),--train-labels $(TRAIN_LABELS) \
                 --val-labels $(VAL_LABELS) --seed $(SEED))
$(LISTS) &: $(LABEL_FILES) $(FOLDS_TSV) $(call settings,split)
	$(call tool,va-fold) split $(SPLIT_OPTIONS) $(split_from) -o $(SPLIT)

CV = $(OUT)/cv
ifdef TUNE
include $(HERE)tune.mk
endif
include $(HERE)cv.mk

# ---- the test set: the models of all folds averaged ---------------------------------------------
$(call claim,test,$(OUT)/test.h5)
SETTINGS_test = $(PREDICT_OPTIONS) $(FOLDS) $(TEST) $(SAMPLE)
ifndef TUNE
$(OUT)/test.h5: $(MODELS) $(TEST:%=$(FEATURE_DIR)/%.h5) $(call settings,test)
	$(call tool,va-predict) $(PREDICT_OPTIONS) -j $(THREADS) $(MODELS:%=-m %) -o $@ \
	    $(TEST:%=$(FEATURE_DIR)/%.h5)
endif
$(OUT)/submission.txt: $(OUT)/test.h5 $(SAMPLE)
	$(call tool,va-submit) --sample $(SAMPLE) -o $@ $<
