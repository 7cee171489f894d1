# One's own videos: valence and arousal of every frame, as a table that a spreadsheet opens.
#
#   make -f pipelines/video.mk ENCODER=encoder.h5 MODEL=model.h5 OUT=out \
#        VIDEO="holiday.mp4 interview.mov"
#
#   VIDEO       the path of one video, or several with blanks between
#   VIDEO_LIST  a file with the path of a video a line, for more of them and for names with blanks
#
# Makes $(OUT)/<name>.tsv with the columns frame, time, person, face, confidence, valence and arousal
# for each video. MODEL
# may name several models: their predictions are averaged. A video may be called anything: characters
# other than letters, digits, UTF-8 and . _ - + , @ become _ in <name> ("my video.mp4": my_video.tsv). Of videos
# with one name the ending stays (a.mp4.tsv, a.mov.tsv), or the folders (P01_a.mp4.tsv).
HERE := $(dir $(lastword $(MAKEFILE_LIST)))
.DEFAULT_GOAL := all
include $(HERE)params.mk
$(if $(and $(strip $(VIDEO)$(VIDEO_LIST)),$(ENCODER),$(MODEL)),,$(error set VIDEO or VIDEO_LIST, ENCODER and MODEL))
$(foreach f,$(ENCODER) $(MODEL),$(if $(wildcard $(f)),,$(error $(f): no such file: set ENCODER and MODEL to files that exist)))

# The rules know links to the videos, $(OUT)/in/<name>.<ending>, which are made here, with make -n as well. A
# link that leads elsewhere than before is newer.
MAKEFLAGS += --check-symlink-times
LINKS := $(if $(VIDEO_LIST),$(call names,listed $(OUT)/in $(VIDEO_LIST)),$(call names,videos $(OUT)/in $(call quoted,$(VIDEO))))
$(if $(LINKS),,$(error no videos in $(VIDEO_LIST)))
name = $(basename $(notdir $(1)))
.PHONY: all
all: $(foreach v,$(LINKS),$(OUT)/$(call name,$(v)).tsv)

source = $(firstword $(foreach v,$(LINKS),$(if $(filter $(1),$(call name,$(v))),$(v))))
include $(HERE)features.mk
$(call claim_at,$(FRAMES)/.make/decode,$(foreach v,$(LINKS),$(FRAMES)/$(call name,$(v)).h5))
$(call claim,embed,$(foreach v,$(LINKS),$(OUT)/features/$(call name,$(v)).h5))
$(call claim,predict,$(foreach v,$(LINKS),$(OUT)/$(call name,$(v)).h5))

SETTINGS_predict = $(PREDICT_OPTIONS) $(MODEL)
$(OUT)/%.tsv: $(OUT)/features/%.h5 $(MODEL) $(call settings,predict)
	$(call tool,va-predict) $(PREDICT_OPTIONS) -j $(THREADS) $(MODEL:%=-m %) --table $@ \
	    -o $(OUT)/$*.h5 $<
