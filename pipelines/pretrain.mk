# An encoder made from pictures without labels.
#
#   make -f pipelines/pretrain.mk PICTURES="cropped_aligned holiday.mp4" OUT=out
#
# PICTURES are folders of images, va.frames/1 files and videos. Makes $(PRETRAINED), contact sheets of
# what has been learned in $(OUT)/pretrain, and keeps decoded videos in $(OUT)/pretrain/cache. A
# pipeline that includes this file behind params.mk has the same rule; $(PRETRAINED) is then what
# ENCODER stands for.
HERE := $(dir $(lastword $(MAKEFILE_LIST)))
.DEFAULT_GOAL := pretrain
ifndef tool
include $(HERE)params.mk
endif
$(if $(PICTURES),,$(error set PICTURES))
$(call need_files,PICTURES)

PRETRAIN_OPTIONS ?= --sheet-every 10
PRETRAINED       ?= $(OUT)/encoder.h5

.PHONY: pretrain
pretrain: $(PRETRAINED)

$(call claim,pretrain,$(PRETRAINED))
SETTINGS_pretrain = $(PRETRAIN_OPTIONS) $(SEED) $(PICTURES)
$(PRETRAINED): $(PICTURES) $(call settings,pretrain)
	@mkdir -p $(@D)
	$(call tool,va-mae-pretrain) $(PRETRAIN_OPTIONS) --seed $(SEED) -j $(THREADS) --resume \
	    --cache $(OUT)/pretrain/cache --log-dir $(OUT)/pretrain -o $@ $(PICTURES)
