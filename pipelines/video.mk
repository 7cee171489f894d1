# One's own videos: valence and arousal of every frame, as a table that a spreadsheet opens.
#
#   make -f pipelines/video.mk ENCODER=encoder.h5 MODEL=model.h5 OUT=out \
#        VIDEO="holiday.mp4 interview.mov"
#
#   VIDEO       the path of one video, or several with blanks between
#   VIDEO_LIST  a file with the path of a video a line, for more of them and for names with blanks
#   FACES       yes: find the faces of whole pictures first (FACES_OPTIONS of va-faces), and give ENCODER the
#               crops of each person (CROP_OPTIONS of va-embed, such as --margin 0.1)
#
# Makes $(OUT)/<name>.tsv with the columns frame, time, person, face, confidence, valence and arousal
# for each video, and $(OUT)/<name>.html, a page with curves beside the video; with FACES=yes of all its people. MODEL
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
all: $(foreach v,$(LINKS),$(OUT)/$(call name,$(v)).tsv $(OUT)/$(call name,$(v)).html)

FACES ?= no
$(if $(filter-out yes no,$(FACES))$(filter-out 1,$(words $(FACES))),$(error FACES=$(FACES): expected yes or no))
override FACES := $(filter yes,$(FACES))

source = $(firstword $(foreach v,$(LINKS),$(if $(filter $(1),$(call name,$(v))),$(v))))
include $(HERE)features.mk
$(call claim_at,$(FRAMES)/.make/decode,$(foreach v,$(LINKS),$(FRAMES)/$(call name,$(v)).h5))
$(call claim,embed,$(foreach v,$(LINKS),$(OUT)/features/$(call name,$(v)).h5))
$(call claim,faces,$(foreach v,$(LINKS),$(OUT)/faces/$(call name,$(v)).h5))
$(call claim,people,$(foreach v,$(LINKS),$(OUT)/people/$(call name,$(v))))
$(call claim,predict,$(foreach v,$(LINKS),$(OUT)/$(call name,$(v)).h5))

SETTINGS_faces   = $(FACES_OPTIONS)
SETTINGS_people  = $(CROP_OPTIONS) $(EMBED_OPTIONS) $(ENCODER)
SETTINGS_predict = $(PREDICT_OPTIONS) $(MODEL) $(FACES)
$(OUT)/faces/%.h5: $$(call source,$$*) $(call settings,faces)
	@mkdir -p $(@D)
	$(call tool,va-faces) $(FACES_OPTIONS) -j $(THREADS) --name $* -o $@ $<

# Who is in a video is known when its faces are: a folder with the features of each person.
$(OUT)/people/%/.done: $(OUT)/faces/%.h5 $$(call source,$$*) $(ENCODER) $(call settings,people)
	@mkdir -p $(@D) && rm -f $(@D)/*.h5
	$(call tool,va-embed) $(EMBED_OPTIONS) $(CROP_OPTIONS) -j $(THREADS) -w $(ENCODER) --name $* --faces $< \
	    --output-dir $(@D) $(call source,$*)
	@touch $@

features = $(if $(FACES),$(OUT)/people/$(1)/*.h5,$(OUT)/features/$(1).h5)
$(OUT)/%.tsv: $(if $(FACES),$(OUT)/people/%/.done,$(OUT)/features/%.h5) $(MODEL) $(call settings,predict)
	$(call tool,va-predict) $(PREDICT_OPTIONS) -j $(THREADS) $(MODEL:%=-m %) --table $@ \
	    -o $(OUT)/$*.h5 $(call features,$*)

# A folder of crops is no video that a browser shows.
$(OUT)/%.html: $(OUT)/%.tsv
	$(call tool,va-report) $(if $(wildcard $(call source,$*)/.),,--video $(call source,$*)) -o $@ $(OUT)/$*.h5
