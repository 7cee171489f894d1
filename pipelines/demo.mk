# The whole pipeline on made-up videos with known answers: make demo.
#
# va-synth draws a small corpus in the layout of Aff-Wild2; affwild2.mk does the rest, with an
# untrained encoder and a small head, so that it ends in minutes on two cores.
HERE := $(dir $(lastword $(MAKEFILE_LIST)))
.DEFAULT_GOAL := demo
SYNTH_OPTIONS ?=
EMBED_OPTIONS ?= --batch 32
# A small head, started as the authors did; nothing is chosen by the held-out videos.
TRAIN_OPTIONS ?= --preset paper --channels 32,32,32 --kernel 7 --layers 2 --draw authors \
                 --in-norm yes --epochs 20 --warmup-epochs 2 --batch 8 --lr 2e-3 \
                 --weight-decay 0.05 --dropout 0.4 --select last
include $(HERE)params.mk

CORPUS  = $(OUT)/corpus
ENCODER = $(OUT)/encoder.h5
SAMPLE  = $(CORPUS)/sample_submission.txt

.PHONY: demo
demo: $(SAMPLE) $(ENCODER)
	@$(MAKE) --no-print-directory -f $(HERE)affwild2.mk all ROOT=$(CORPUS) OUT=$(OUT) \
	    ENCODER=$(ENCODER) SAMPLE=$(SAMPLE) BIN=$(BIN) LAUNCH='$(LAUNCH)' TRAIN_LAUNCH='$(TRAIN_LAUNCH)' THREADS=$(THREADS) \
	    SEED=$(SEED) EMBED_OPTIONS='$(EMBED_OPTIONS)' TRAIN_OPTIONS='$(TRAIN_OPTIONS)'
	@cat $(OUT)/table.txt

$(SAMPLE):
	$(call tool,va-synth) $(SYNTH_OPTIONS) --seed $(SEED) -o $(CORPUS)
$(ENCODER):
	@mkdir -p $(@D)
	$(call tool,va-weights) init --arch vit_tiny --seed $(SEED) -o $@
