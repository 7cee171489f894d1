# The whole pipeline on made-up videos with known answers: make demo.
#
# va-synth makes a small corpus in the layout of Aff-Wild2. affwild2.mk does the rest three times, with a
# small encoder and a small head, so that it ends in minutes on two cores: with the untrained encoder,
# pretrained on the frames without their labels, and fine-tuned for each fold on that fold's training videos. Nothing is
# chosen by the held-out videos.
HERE := $(dir $(lastword $(MAKEFILE_LIST)))
.DEFAULT_GOAL := demo
SYNTH_OPTIONS    ?=
PRETRAIN_OPTIONS ?= --mask-ratio 0.5 --decoder-width 64 --decoder-depth 2 --decoder-heads 4 --crop 0.9 \
                    --epochs 2 --batch 32 --blr 4e-3 --sheet-every 1
FINETUNE_OPTIONS ?= --freeze-blocks 0 --layer-decay 0.8 --lr 1e-3 --epochs 8 --warmup-epochs 1 --per-video 40 \
                    --batch 64 --val-every 10 --unmatched skip --select last
EMBED_OPTIONS    ?= --batch 32
# A small head, started as the authors did.
TRAIN_OPTIONS    ?= --preset paper --channels 32,32,32 --kernel 7 --layers 2 --initial authors \
                    --in-norm yes --epochs 20 --warmup-epochs 2 --batch 8 --lr 2e-3 \
                    --weight-decay 0.05 --dropout 0.4 --select last
include $(HERE)params.mk

CORPUS     = $(OUT)/corpus
SAMPLE     = $(CORPUS)/sample_submission.txt
FRAMES     = $(OUT)/frames
RANDOM     = $(OUT)/random.h5
PRETRAINED = $(OUT)/pretrained.h5

# $(call pipeline,NAME) begins a command that lacks a target and variables only; + lets it share the jobs of -j.
pipeline = +@$(MAKE) --no-print-directory -f $(HERE)$(1).mk \
               $(foreach v,BIN LAUNCH TRAIN_LAUNCH THREADS SEED,$(call passed,$(v)))
affwild2 = $(call pipeline,affwild2) ROOT=$(CORPUS) \
               $(foreach v,SAMPLE FRAMES EMBED_OPTIONS FINETUNE_OPTIONS TRAIN_OPTIONS,$(call passed,$(v)))

# The pipelines know what is out of date: they are asked every time, one after the other.
.PHONY: demo frames random pretrain pretrained tuned
demo: $(OUT)/table.txt
	@cat $<
frames: $(SAMPLE) $(RANDOM)
	$(affwild2) frames ENCODER=$(RANDOM) OUT=$(OUT)/random
random: frames
	$(affwild2) cv ENCODER=$(RANDOM) OUT=$(OUT)/random
pretrain: random
	$(call pipeline,pretrain) pretrain OUT=$(OUT) PRETRAINED=$(PRETRAINED) PRETRAIN_OPTIONS='--init $(RANDOM) $(PRETRAIN_OPTIONS)' \
	    PICTURES="$$(sed -n 's|^\([^\t]*\)\t[tv][ra].*|$(FRAMES)/\1.h5|p' $(CORPUS)/inputs.tsv | paste -sd ' ')"
pretrained: pretrain
	$(affwild2) cv ENCODER=$(PRETRAINED) OUT=$(OUT)/pretrained
tuned: pretrained
	$(affwild2) all TUNE=yes ENCODER=$(PRETRAINED) OUT=$(OUT)/tuned

# One table: the fine-tuned encoders with the temporal model and alone, then the other encoders.
scores = $(foreach k,$(FOLDS),$(OUT)/$(1)/cv/$(k)/$(2).tsv)
beside = $(addprefix --baseline $(1)=,$(call scores,$(2),$(3)))
$(OUT)/table.txt: tuned
	$(call tool,va-fold) report --name fine-tuned $(call beside,pretrained,pretrained,score) $(call beside,random,random,score) \
	    $(call beside,alone,tuned,alone) $(call beside,ridge,tuned,ridge) $(call beside,mean,tuned,mean) \
	    $(call scores,tuned,score) >$(part) && $(put)
$(call ours,$(OUT)/table.txt)

$(SAMPLE): $(call settings,corpus)
	$(call tool,va-synth) $(SYNTH_OPTIONS) --seed $(SEED) -o $(CORPUS)
SETTINGS_corpus = $(SYNTH_OPTIONS) $(SEED)
$(call claim,random,$(RANDOM))
SETTINGS_random = $(SEED)
$(RANDOM): $(call settings,random)
	@mkdir -p $(@D)
	$(call tool,va-weights) init $(quiet) --arch vit_tiny --seed $(SEED) -o $@
