# Sound beside the picture, on made-up videos with known answers: make -f pipelines/voices.mk OUT=build/voices.
#
# va-synth makes videos with voices (SYNTH_OPTIONS), va-embed and va-hear features of both. Ridge regressions
# (RIDGE_OPTIONS) on the picture and on the sound are fitted and scored by nested.mk; their predictions are mixed by
# weights for valence and for arousal, which are chosen without the videos that they are scored on. The sound of another
# video (other) must not help.
#
# Makes $(OUT)/voices.tsv: CCC pooled over all folds of picture, sound, other, picture+sound and picture+other. The folders
# $(OUT)/picture and $(OUT)/sound are streams for other pipelines, with the labels of $(OUT)/corpus and $(OUT)/folds.tsv.
HERE := $(dir $(lastword $(MAKEFILE_LIST)))
.DEFAULT_GOAL := voices
SYNTH_OPTIONS ?= --test 0 --traps no
HEAR_OPTIONS  ?=
RIDGE_OPTIONS ?= --step 25
include $(HERE)params.mk

CORPUS    = $(OUT)/corpus
SAMPLE    = $(CORPUS)/sample_submission.txt
FOLDS_TSV = $(OUT)/folds.tsv
ENCODER  ?= $(OUT)/random.h5
LABELS    = $(CORPUS)/VA_Estimation_Challenge/Train_Set $(CORPUS)/VA_Estimation_Challenge/Validation_Set
ALONE     = picture sound other
MIXED     = picture+sound picture+other

# One after the other: a stage looks at the files that the one before it has made.
.PHONY: voices table
voices: $(SAMPLE)
	+@$(MAKE) --no-print-directory -f $(HERE)voices.mk $(ALONE)
	+@$(MAKE) --no-print-directory -f $(HERE)voices.mk table
SETTINGS_corpus = $(SYNTH_OPTIONS) $(SEED)
$(SAMPLE): $(call settings,corpus)
	$(call tool,va-synth) $(SYNTH_OPTIONS) --voice yes --seed $(SEED) -o $(CORPUS)
SETTINGS_random = $(SEED)
$(OUT)/random.h5: $(call settings,random)
	@mkdir -p $(@D)
	$(call tool,va-weights) init $(quiet) --arch vit_tiny --seed $(SEED) -o $@

# ---- features of the videos that are there by now --------------------------------------------------
CLIPS := $(basename $(notdir $(sort $(wildcard $(CORPUS)/videos/*.mp4))))
round  = $(wordlist 2,$(words $(CLIPS)),$(CLIPS)) $(firstword $(CLIPS))
after  = $(patsubst $(1)|%,%,$(filter $(1)|%,$(join $(CLIPS),$(addprefix |,$(round)))))
SETTINGS_picture = $(EMBED_OPTIONS) $(ENCODER)
SETTINGS_sound   = $(HEAR_OPTIONS)
$(call claim,picture,$(CLIPS:%=$(OUT)/picture/%.h5))
$(call claim,sound,$(CLIPS:%=$(OUT)/sound/%.h5) $(CLIPS:%=$(OUT)/other/%.h5))
$(OUT)/picture/%.h5: $(CORPUS)/videos/%.mp4 $(ENCODER) $(call settings,picture)
	@mkdir -p $(@D)
	$(call tool,va-embed) $(EMBED_OPTIONS) -j $(THREADS) -w $(ENCODER) -o $@ $<
$(OUT)/sound/%.h5: $(CORPUS)/videos/%.mp4 $(call settings,sound)
	@mkdir -p $(@D)
	$(call tool,va-hear) $(HEAR_OPTIONS) -o $@ $<
$(OUT)/other/%.h5: $$(CORPUS)/videos/$$(call after,$$*).mp4 $(CORPUS)/videos/%.mp4 $(call settings,sound)
	@mkdir -p $(@D)
	$(call tool,va-hear) $(HEAR_OPTIONS) --frames $(CORPUS)/videos/$*.mp4 -o $@ $(CORPUS)/videos/$(call after,$*).mp4
$(FOLDS_TSV): $(SAMPLE)
	@printf '%s\n' $(CLIPS) | awk 'BEGIN { print "clip\tgroup\tfold" } { print $$1 "\t" $$1 "\t" NR % $(words $(FOLDS)) }' >$(part) && $(put)

# ---- each alone: nested.mk knows what is out of date ---------------------------------------------------
alone   = $(OUT)/alone/$(1)
scored  = $(call alone,$(1))/folds/scored.txt
made_of = $(call scored,$(1)) $(foreach k,$(FOLDS),$(call alone,$(1))/cv/$(k)/line.h5 $(call alone,$(1))/cv/$(k)/inner/line.h5)
.PHONY: $(ALONE)
$(ALONE): %: $$(foreach v,$$(CLIPS),$(OUT)/$$*/$$(v).h5) $(FOLDS_TSV)
	+@$(MAKE) --no-print-directory -f $(HERE)nested.mk FEATURES=$(OUT)/$* LABELS='$(LABELS)' FOLDS_TSV=$(FOLDS_TSV) \
	    OUT=$(call alone,$*) MEMBERS=line OPTIONS_line='$(RIDGE_OPTIONS)' KIND_line=ridge $(call made_of,$*) >/dev/null

# ---- mixed late: what a fold's videos say has no part in its weights -----------------------------------
streams = $(subst +, ,$(1))
say     = $(foreach s,$(call streams,$(1)),$(call alone,$(s))/cv/$(2)/line.h5)
define MIX_RULES
$(OUT)/mixed/$(1)/$(2).h5: $(call say,$(1),$(2)) $(subst line.h5,inner/line.h5,$(call say,$(1),$(2)))
	@mkdir -p $$(@D)
	$$(call tool,va-ensemble) fit $(quiet) $(LABELS:%=--labels %) --list $(call alone,picture)/folds/$(2)/train.txt -o $$(@:.h5=.tsv) \
	    $(subst line.h5,inner/line.h5,$(call say,$(1),$(2)))
	@$$(call plain,va-ensemble) $(quiet) --weight-table $$(@:.h5=.tsv) -o $$@ $(call say,$(1),$(2))
endef
$(foreach x,$(MIXED),$(foreach k,$(FOLDS),$(eval $(call MIX_RULES,$(x),$(k)))))

score = $(call plain,va-score) -q $(LABELS:%=--labels %) --list $(call scored,picture) $(2) >$(part).score && \
            awk '$$1 == "pooled" { row = row "\t" $$3 } END { print "$(1)" row }' $(part).score >>$(part) && rm $(part).score &&
$(OUT)/voices.tsv: $(foreach s,$(ALONE),$(call made_of,$(s))) $(foreach x,$(MIXED),$(FOLDS:%=$(OUT)/mixed/$(x)/%.h5))
	@printf 'features\tvalence\tarousal\tmean\n' >$(part) && \
	$(foreach s,$(ALONE),$(call score,$(s),$(FOLDS:%=$(call alone,$(s))/cv/%/line.h5))) \
	$(foreach x,$(MIXED),$(call score,$(x),$(FOLDS:%=$(OUT)/mixed/$(x)/%.h5))) $(put)
$(call ours,$(OUT)/voices.tsv $(FOLDS_TSV))
table: $(OUT)/voices.tsv
	@cat $<
