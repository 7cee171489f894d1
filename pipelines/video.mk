# One's own videos: valence and arousal of every frame, as a table that a spreadsheet opens.
#
#   make -f pipelines/video.mk ENCODER=encoder.h5 MODEL=model.h5 OUT=out \
#        VIDEO="holiday.mp4 interview.mov"
#
# Makes $(OUT)/<name>.tsv with the columns frame, time, valence, arousal for each video. MODEL
# may name several models: their predictions are averaged.
HERE := $(dir $(lastword $(MAKEFILE_LIST)))
.DEFAULT_GOAL := all
include $(HERE)params.mk
$(if $(and $(VIDEO),$(ENCODER),$(MODEL)),,$(error set VIDEO, ENCODER and MODEL))

name = $(basename $(notdir $(1)))
.PHONY: all
all: $(foreach v,$(VIDEO),$(OUT)/$(call name,$(v)).tsv)

source = $(firstword $(foreach v,$(VIDEO),$(if $(filter $(1),$(call name,$(v))),$(v))))
include $(HERE)features.mk

$(OUT)/%.tsv: $(OUT)/features/%.h5 $(MODEL)
	$(call tool,va-predict) $(PREDICT_OPTIONS) -j $(THREADS) $(MODEL:%=-m %) --table $@ \
	    -o $(OUT)/$*.h5 $<
