# One's own videos: valence and arousal of every frame, in a folder for each video. va-run starts this.
#
#   make -f pipelines/video.mk ENCODER=encoder.h5 MODEL=model.h5 OUT=out \
#        VIDEO="holiday.mp4 interview.mov"
#
#   VIDEO       the path of one video, or several with blanks between
#   VIDEO_LIST  a file with the path of a video a line, for more of them and for names with blanks
#   MODEL       a temporal model, or several whose predictions are averaged; they rate the features of ENCODER.
#               Without ENCODER, a model that rates pictures by itself (va-finetune, or the starter). Without
#               MODEL, faces are found, and that is all
#   FACES       auto: find the faces of a video first (FACES_OPTIONS of va-faces), and give the encoder the crops
#               of each person (CROP_OPTIONS of va-embed, such as --margin 0.1), where a detector is installed
#               (make deps WITH=faces, or VA_FACES). A folder of pictures, or a zip archive of
#               them, is taken as crops.
#               yes: always, no: never
#   EXIT_CODES  a file that gets a line for each command that fails: its exit code, and the <name> it worked at
#
# Makes in $(OUT)/<name>: <name>.csv, a table with the columns frame, time, person, face, confidence, valence and
# arousal; <name>.html, a page with curves beside the video; <name>.svg, the curves; and
# <name>.overlay.mp4, the video with both drawn over it (OVERLAY=no: not). Before these, <name>.faces.h5, the
# features of each person, predictions (<name>.pred.h5) and the same smoothed (<name>.smooth.h5). $(OUT)/<name>.tsv is the
# table with tabs.
#
# A video may be called anything: characters other than letters, digits, UTF-8 and . _ - + , @ become _ in
# <name> ("my video.mp4": my_video). Of videos with one name the ending stays (a.mp4, a.mov), or the folders
# (P01_a.mp4), and at last codes say which characters they were (my_20video.mp4, my_video.mp4). Of several videos,
# those that cannot be taken are named at the end, and make fails; the others are done. Videos are not copied,
# and not kept as pictures; but folders, and videos with DECODE_OPTIONS, are decoded to <name>.frames.h5.
HERE := $(dir $(lastword $(MAKEFILE_LIST)))
.DEFAULT_GOAL := all
include $(HERE)params.mk
$(if $(strip $(VIDEO)$(VIDEO_LIST)),,$(error set VIDEO or VIDEO_LIST))
$(foreach f,$(ENCODER) $(MODEL),$(if $(wildcard $(f)),,$(error $(f): no such file: set ENCODER and MODEL to files that exist)))
$(if $(ENCODER),$(if $(MODEL),,$(error set MODEL: ENCODER has features alone)),$(if $(word 2,$(MODEL)),$(error set ENCODER: several models need the features of one)))
WEIGHTS := $(or $(ENCODER),$(MODEL))

# ---- which videos ---------------------------------------------------------------------------------
# The rules know links to the videos, $(OUT)/in/<name>.<ending>. A link that leads elsewhere than before is
# made anew, and is newer.
MAKEFLAGS += --check-symlink-times
asked := $(if $(VIDEO_LIST),listed $(OUT)/in $(VIDEO_LIST),videos $(OUT)/in $(call quoted,$(VIDEO)))
found := $(call names,$(asked))
$(if $(found),,$(error no videos in $(VIDEO_LIST)))
LINKS := $(patsubst !%,%,$(filter-out -,$(found)))
coded  = $(if $(EXIT_CODES),sh $(HERE)exit_code.sh $(EXIT_CODES) $(OUT) $(or $(1),-) )
$(patsubst !%,%,$(filter !%,$(found))): links
	@:
.PHONY: links refused
links:
	@$(call coded)sh $(NAMES) make_links $(asked) >&2
# Videos that cannot be taken do not stop the others.
refused:
	@$(call coded)sh $(NAMES) refusals $(asked)

name   = $(basename $(notdir $(1)))
source = $(firstword $(foreach v,$(LINKS),$(if $(filter $(1),$(call name,$(v))),$(v))))
made   = $(foreach v,$(LINKS),$(OUT)/$(call name,$(v))/$(call name,$(v))$(1))

# ---- which of them are searched for faces -----------------------------------------------------------
FACES ?= auto
$(if $(filter-out auto yes no,$(FACES))$(filter-out 1,$(words $(FACES))),$(error FACES=$(FACES): expected auto, yes or no))
# Folders of pictures, and archives of them.
PICTURED := %.folder %.zip
DETECTOR := $(if $(value VA_FACES)$(filter -w --weights%,$(FACES_OPTIONS)),yes,$(wildcard $(BIN)/../share/mamba-va/yunet.h5 $(HERE)yunet.h5))
SEARCH   := $(if $(MODEL),$(if $(filter auto,$(FACES)),$(if $(DETECTOR),videos,none),$(FACES)),yes)
searched = $(or $(filter yes,$(SEARCH)),$(if $(filter videos,$(SEARCH)),$(if $(filter $(PICTURED),$(source)),,yes)))
# Through a file of frames go folders, whose pictures are few and small, and what is to be decoded otherwise.
decoded  = $(if $(searched),,$(filter $(PICTURED),$(source))$(DECODE_OPTIONS))
seen     = $(if $(searched),$(OUT)/$(1)/$(1).faces.h5,$(if $(decoded),$(OUT)/$(1)/$(1).frames.h5,$(source)))

# A tool, or what passes signals on to it, takes the place of its shell: it is told when make is to end. The
# long stages of several videos share a line on a terminal, unless there are too many to say.
whose  = $(patsubst %.tsv,%,$(firstword $(subst /, ,$(@:$(OUT)/%=%))))
shared = $(if $(word 1000,$(LINKS)),,$(word 2,$(LINKS)))
follow = exec $(call coded,$(whose))$(if $(and $(shared),$(filter va-faces va-decode va-embed,$(1))),sh $(HERE)progress.sh $(OUT) videos '$(foreach v,$(LINKS),$(call name,$(v)))' )

OVERLAY ?= yes
endings = $(if $(MODEL),.csv .html .svg $(if $(filter yes,$(OVERLAY)),$(if $(filter $(PICTURED),$(1)),,.overlay.mp4)),.faces.h5)

.PHONY: all
all: $(if $(MODEL),$(foreach v,$(LINKS),$(OUT)/$(call name,$(v)).tsv)) $(foreach v,$(LINKS),$(foreach ending,$(call endings,$(v)),$(OUT)/$(call name,$(v))/$(call name,$(v))$(ending))) $(if $(filter -,$(found)),refused)

# ---- stages -------------------------------------------------------------------------------------------
$(call claim,faces,$(call made,.faces.h5))
$(call claim,decode,$(call made,.frames.h5))
$(call claim,embed,$(foreach v,$(LINKS),$(OUT)/$(call name,$(v))/features))
$(call claim,predict,$(call made,.pred.h5))
$(call claim,smooth,$(call made,.smooth.h5))
SETTINGS_faces   = $(FACES_OPTIONS)
SETTINGS_decode  = $(DECODE_OPTIONS)
SETTINGS_embed   = $(SEARCH) $(CROP_OPTIONS) $(EMBED_OPTIONS) $(call which,$(WEIGHTS))
SETTINGS_predict = $(PREDICT_OPTIONS) $(call which,$(MODEL))
SETTINGS_smooth  = $(SMOOTH_OPTIONS)

$(OUT)/%.faces.h5: $$(call source,$$(*F)) $(call settings,faces)
	@mkdir -p $(@D)
	$(call tool,va-faces) $(FACES_OPTIONS) -j $(THREADS) --name $(*F) -o $@ $<

$(OUT)/%.frames.h5: $$(call source,$$(*F)) $(call settings,decode)
	@mkdir -p $(@D)
	$(call tool,va-decode) $(DECODE_OPTIONS) -j $(THREADS) --name $(*F) -o $@ $<

# Who is in a video is known when its faces are: a folder with the features of each person.
$(OUT)/%/features/.done: $$(call seen,$$*) $$(call source,$$*) $(WEIGHTS) $(call settings,embed)
	@mkdir -p $(@D) && rm -f $(@D)/*.h5
	$(call tool,va-embed) $(EMBED_OPTIONS) $(if $(call searched,$*),$(CROP_OPTIONS) --faces $<) -j $(THREADS) -w $(WEIGHTS) \
	    --name $* --output-dir $(@D) $(if $(call decoded,$*),$<,$(call source,$*))
	@touch $@

$(OUT)/%.pred.h5: $$(@D)/features/.done $(MODEL) $(call settings,predict)
	$(call tool,va-predict) $(PREDICT_OPTIONS) -j $(THREADS) $(MODEL:%=-m %) -o $@ $(@D)/features/*.h5

$(OUT)/%.smooth.h5: $(OUT)/%.pred.h5 $(call settings,smooth)
	$(call tool,va-smooth) $(SMOOTH_OPTIONS) -o $@ $<

$(OUT)/%.csv: $(OUT)/%.smooth.h5
	$(call tool,va-table) -o $@ $<
$(OUT)/%.tsv: $(OUT)/$$*/$$*.smooth.h5
	$(call tool,va-table) -o $@ $<

# A folder of crops is no video that a browser shows.
model_shown = $(if $(word 2,$(MODEL)),,--model $(MODEL))
$(OUT)/%.html: $(OUT)/%.smooth.h5
	$(call tool,va-report) $(model_shown) $(patsubst %,--video %,$(filter-out $(PICTURED),$(call source,$(*F)))) -o $@ $<
$(OUT)/%.svg: $(OUT)/%.smooth.h5
	$(call tool,va-plot) $(model_shown) -o $@ $<
$(OUT)/%.overlay.mp4: $(OUT)/%.smooth.h5
	$(call tool,va-overlay) $(model_shown) $(OVERLAY_OPTIONS) -j $(THREADS) --name $(*F) --predictions $< \
	    $(if $(call searched,$(*F)),--faces $(OUT)/$*.faces.h5) -o $@ $(call source,$(*F))

# What a person opens, a line each: the kind, a tab, the file. With CHECK=yes those that are up to date. Where all
# videos of a first run failed, settings are all there is, and go.
.PHONY: list
list:
	@for f in $(foreach v,$(LINKS),$(OUT)/$(call name,$(v))/$(call name,$(v))); do \
	    for kind in page.html table.csv plot.svg overlay.overlay.mp4 faces.faces.h5; do \
	        [ -e "$$f.$${kind#*.}" ] || continue; \
	        [ -z "$(CHECK)" ] || $(MAKE) -q -f $(firstword $(MAKEFILE_LIST)) "$$f.$${kind#*.}" 2>/dev/null || continue; \
	        printf '%s\t%s\n' "$${kind%%.*}" "$$f.$${kind#*.}"; \
	    done; done
	@[ "$$(ls -A $(OUT))" != .make ] || \
	    { rm -f $(VA_USAGE) $(call settings,faces decode embed predict smooth) && rmdir $(STAMPS) $(OUT); }
