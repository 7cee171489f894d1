# Nested cross-validation: several models, their mixture chosen on training videos only, scored on
# videos that had no part in any choice.
#
#   make -j2 -f pipelines/nested.mk FEATURES=features LABELS=labels FOLDS_TSV=folds.tsv OUT=out
#
#   FEATURES   folder of <video>.h5 (va.features/1)
#   LABELS     folders of <video>.txt
#   FOLDS_TSV  columns clip, fold, and group: what must stay together
#   GROUPS_TSV, GROUP_PATTERN, FOLD_COUNT   instead, as for corpus.mk: folds are drawn by group
#   MEMBERS    names of the models; OPTIONS_name are those of va-tcn-mamba-train, or where KIND_name is
#              ridge of va-ridge
#   WINDOWS_name  windows of a member that has others than those of FEATURES
#   SEEDS      seeds of the nets; the first one serves the choice
#   MIXTURES   names of the mixtures; MIX_name are the members of one, by default all
#   LEVELS     of target intervals: percent of frames
#
# For every pair of folds j, k the members are fitted without both and predict both. What they say
# of the other folds, never having seen fold k, decides their weights for fold k, per dimension
# (va-ensemble fit). Then they are fitted without fold k, once per seed, and predict it.
#
# Makes $(OUT)/nested.tsv: CCC pooled over all folds, of each member, of the mixture with each seed,
# and of the mixture of all seeds; $(OUT)/cv/<k>/weights.tsv: what was chosen (of a mixture with another name
# than mixture: name.weights.tsv).
#
# Target intervals makes an interval for each frame of the mixtures of all seeds, $(OUT)/cv/<k>/all/<level>/<mixture>.h5.
# Scale and floor for fold k are calibrated as its weights are chosen: on what the members, fitted without fold k,
# say of the other folds. $(OUT)/coverage.tsv has the share of labels that lie inside, of each fold and of all frames.
HERE := $(dir $(lastword $(MAKEFILE_LIST)))
.DEFAULT_GOAL := nested
include $(HERE)params.mk
$(if $(and $(FEATURES),$(LABELS),$(FOLDS_TSV)$(GROUPS_TSV)$(GROUP_PATTERN)),,$(error set FEATURES, LABELS and FOLDS_TSV (or GROUPS_TSV or GROUP_PATTERN)))

SEEDS   ?= 1 2 3
LEVELS  ?= 50 80 90 95
MEMBERS ?= line few gru mamba tcn
MIXTURES ?= mixture
WINDOW_OPTIONS = --window 300 --stride 100

# A penalised map of all features around a frame; one of the few features that carry over; nets.
KIND_line    ?= ridge
OPTIONS_line ?= --context 50 --step 10
KIND_few     ?= ridge
OPTIONS_few  ?= --select forward --step 41
NET          ?= --channels 24,24,24,24 --kernel 5 --layers 2 --hidden 32 --epochs 12 --warmup-epochs 1 \
                --lr 1e-3 --weight-decay 1e-2 --initial authors --in-norm yes --lookahead 30 --select last
OPTIONS_gru   ?= $(NET) --temporal gru --channels 48,48,48,48
OPTIONS_mamba ?= $(NET) --temporal mamba --channels 48,48,48,48
OPTIONS_tcn   ?= $(NET) --temporal tcn-mamba

mixed      = $(or $(MIX_$(1)),$(MEMBERS))
windows_of = $(or $(WINDOWS_$(1)),$(WINDOWS))
include $(HERE)given.mk
$(call need,MEMBERS)
$(call names,once MEMBERS $(call quoted,$(MEMBERS)))
$(foreach m,$(MEMBERS),$(if $(and $(filter undefined,$(origin OPTIONS_$(m))),$(filter undefined,$(origin KIND_$(m)))),\
    $(error MEMBERS: nothing says what $(m) is: set OPTIONS_$(m))))
$(foreach m,$(MEMBERS),$(if $(filter-out ridge net,$(KIND_$(m))),$(error KIND_$(m)=$(KIND_$(m)): expected ridge or net)))
$(call names,once MIXTURES $(call quoted,$(MIXTURES)))
$(foreach x,$(MIXTURES),$(foreach m,$(call mixed,$(x)),$(if $(filter $(m),$(MEMBERS)),,$(error MIX_$(x): $(m) is none of MEMBERS))))
$(call need_numbers,LEVELS)
$(call ours,$(OUT)/nested.tsv $(OUT)/coverage.tsv)
$(call claim,windows,$(OUT)/pairs/*/*.h5 $(OUT)/cv/*/*.h5 $(OUT)/cv/*/*/*.h5 $(OUT)/cv/*/*/*/*.h5)
$(foreach m,$(MEMBERS),$(eval SETTINGS_member-$(m) = $$(OPTIONS_$(m)) $$(KIND_$(m))))
NETS   = $(foreach m,$(MEMBERS),$(if $(filter ridge,$(KIND_$(m))),,$(m)))
RIDGES = $(filter-out $(NETS),$(MEMBERS))
$(if $(and $(RIDGES),$(FOLDS_TSV)),$(if $(call names,folds $(FOLDS_TSV) group),))
SETTINGS_choice = $(MEMBERS) $(firstword $(SEEDS)) $(LABELS) $(LABEL_OPTIONS)
SETTINGS_mixtures = $(foreach x,$(MIXTURES),$(x)=$(call mixed,$(x)))
SETTINGS_seeds  = $(SEEDS)
SETTINGS_levels = $(LEVELS)
SETTINGS_table  = $(MEMBERS) $(SEEDS) $(LABELS) $(LABEL_OPTIONS)

.PHONY: nested intervals
nested: $(OUT)/nested.tsv
	@cat $<
intervals: $(OUT)/coverage.tsv
	@cat $<

# ---- one member on one pair of lists ------------------------------------------------------------
# $(call fit,MEMBER,TRAIN,VAL,SEED): predictions of the videos of VAL go to $@. A net's model
# stays beside them, so that an interrupted run continues.
fit = $(if $(filter ridge,$(KIND_$(1))),$(fit_ridge),$(fit_net))
fit_ridge = $(call tool,va-ridge) $(OPTIONS_$(1)) $(groups) --windows $(call windows_of,$(1)) \
                --train $(2) --val $(3) -o $@
fit_net = $(call tool,va-tcn-mamba-train) $(OPTIONS_$(1)) --seed $(4) -j $(THREADS) -q --resume \
              --windows $(call windows_of,$(1)) --train $(2) --val $(3) -o $@.model && \
          $(call plain,va-predict) -q -m $@.model --mode overlap --clip no -j $(THREADS) \
              --windows $(call windows_of,$(1)) --list $(3) -o $@

# ---- the choice ----------------------------------------------------------------------------------
pair = $(OUT)/pairs/$(firstword $(sort $(1) $(2)))-$(lastword $(sort $(1) $(2)))
PAIRS := $(sort $(foreach j,$(FOLDS),$(foreach k,$(FOLDS),$(if $(filter-out $(j),$(k)),$(call pair,$(j),$(k))))))
folds_of = $(subst -, ,$(notdir $(1)))

define PAIR_RULES
$(1)/val.txt: $(foreach k,$(call folds_of,$(1)),$(SPLIT)/$(k)/val.txt)
	@mkdir -p $$(@D)
	@sort -u $$^ >$$(part) && $$(put)
$(1)/train.txt: $(1)/val.txt $(foreach k,$(FOLDS),$(SPLIT)/$(k)/val.txt)
	@sort -u $(foreach k,$(FOLDS),$(SPLIT)/$(k)/val.txt) | grep -vxFf $(1)/val.txt >$$(part) && $$(put)
$(foreach m,$(MEMBERS),$(1)/$(m).h5): $(1)/%.h5: $$$$(call windows_of,$$$$*) $(1)/train.txt $(1)/val.txt $(STAMPS)/member-% $(call settings,choice)
	$$(call fit,$$*,$(1)/train.txt,$(1)/val.txt,$(firstword $(SEEDS)))
endef
$(foreach p,$(PAIRS),$(eval $(call PAIR_RULES,$(p))))

# Fold k: what each member says of the other folds, in one file, and the weights.
others = $(foreach j,$(filter-out $(1),$(FOLDS)),$(call pair,$(j),$(1)))
define FOLD_RULES
$(foreach m,$(MEMBERS),$(OUT)/cv/$(1)/inner/$(m).h5): $(OUT)/cv/$(1)/inner/%.h5: $(foreach p,$(call others,$(1)),$(p)/%.h5)
	@mkdir -p $$(@D)
	$$(call tool,va-ensemble) $(quiet) --missing average --clip no -o $$@ $$^
endef
# What one mixture takes of its members.
weights = $(OUT)/cv/$(1)/$(filter-out mixture.,$(2).)weights.tsv
define WEIGHT_RULES
$(call weights,$(1),$(2)): $(patsubst %,$(OUT)/cv/$(1)/inner/%.h5,$(call mixed,$(2))) $(SPLIT)/$(1)/train.txt $(call settings,choice mixtures)
	$$(call tool,va-ensemble) fit $(quiet) $(LABEL_OPTIONS) --affine yes $(LABELS:%=--labels %) --list $(SPLIT)/$(1)/train.txt -o $$@ \
	    $(patsubst %,$(OUT)/cv/$(1)/inner/%.h5,$(call mixed,$(2)))
endef
$(foreach k,$(FOLDS),$(eval $(call FOLD_RULES,$(k)))$(foreach x,$(MIXTURES),$(eval $(call WEIGHT_RULES,$(k),$(x)))))

# ---- the score ------------------------------------------------------------------------------------
# Of each fold and seed the members, then their mixture; "all" stands for the mean of the seeds.
define SEED_RULES
$(foreach m,$(NETS),$(OUT)/cv/$(1)/$(2)/$(m).h5): $(OUT)/cv/$(1)/$(2)/%.h5: $$$$(call windows_of,$$$$*) $(SPLIT)/$(1)/train.txt $(SPLIT)/$(1)/val.txt $(STAMPS)/member-%
	@mkdir -p $$(@D)
	$$(call fit,$$*,$(SPLIT)/$(1)/train.txt,$(SPLIT)/$(1)/val.txt,$(2))
endef
define MIX_RULES
$(OUT)/cv/$(1)/$(2)/$(3).h5: $(call weights,$(1),$(3)) $(foreach m,$(call mixed,$(3)),$(call member,$(1),$(2),$(m)))
	@mkdir -p $$(@D)
	$$(call tool,va-ensemble) $(quiet) --weight-table $$< -o $$@ $(foreach m,$(call mixed,$(3)),$(call member,$(1),$(2),$(m)))
endef
member = $(OUT)/cv/$(1)/$(if $(filter $(3),$(NETS)),$(2)/)$(3).h5
$(foreach m,$(RIDGES),$(foreach k,$(FOLDS),$(OUT)/cv/$(k)/$(m).h5)): $(OUT)/cv/%.h5: $$(call windows_of,$$(*F)) $$(SPLIT)/$$(*D)/train.txt $$(SPLIT)/$$(*D)/val.txt $(STAMPS)/member-$$(*F)
	@mkdir -p $(@D)
	$(call fit,$(*F),$(SPLIT)/$(*D)/train.txt,$(SPLIT)/$(*D)/val.txt)
$(foreach k,$(FOLDS),$(foreach m,$(NETS),$(OUT)/cv/$(k)/all/$(m).h5)): $(OUT)/cv/%.h5: $$(foreach s,$$(SEEDS),$$(subst /all/,/$$(s)/,$$@)) $(call settings,seeds)
	@mkdir -p $(@D)
	$(call tool,va-ensemble) $(quiet) --clip no -o $@ $(filter %.h5,$^)
$(foreach k,$(FOLDS),$(foreach s,$(SEEDS),$(eval $(call SEED_RULES,$(k),$(s)))))
$(foreach k,$(FOLDS),$(foreach s,$(SEEDS) all,$(foreach x,$(MIXTURES),$(eval $(call MIX_RULES,$(k),$(s),$(x))))))

row = $(call pooled,$(2),printf "$(1)\t%s\t%s\t%s\n"$(comma) c["valence"]$(comma) c["arousal"]$(comma) c["mean"])
comma := ,
of_folds = $(foreach k,$(FOLDS),$(OUT)/cv/$(k)/$(1).h5)
$(OUT)/nested.tsv: $(foreach k,$(FOLDS),$(foreach s,$(SEEDS) all,$(foreach x,$(MIXTURES),$(OUT)/cv/$(k)/$(s)/$(x).h5))) $(SCORED) $(call settings,table)
	@printf 'model\tvalence\tarousal\tmean\n' >$(part) && \
	$(foreach m,$(RIDGES),$(call row,$(m),$(call of_folds,$(m)))) \
	$(foreach m,$(NETS),$(foreach s,$(SEEDS) all,$(call row,$(m) $(s),$(call of_folds,$(s)/$(m))))) \
	$(foreach x,$(MIXTURES),$(foreach s,$(SEEDS) all,$(call row,$(x) $(s),$(call of_folds,$(s)/$(x))))) $(put)

# ---- intervals ------------------------------------------------------------------------------------
# Nets in the calibration have one seed, those of the mixture are means of all: its intervals are rather wide.
interval = $(OUT)/cv/$(1)/all/$(2).interval.tsv
members_all = $(foreach m,$(call mixed,$(2)),$(call member,$(1),all,$(m)))
define INTERVAL_RULES
$(call interval,$(1),$(2)): $(call weights,$(1),$(2)) $(patsubst %,$(OUT)/cv/$(1)/inner/%.h5,$(call mixed,$(2))) $(SPLIT)/$(1)/train.txt $(call settings,choice mixtures levels)
	@mkdir -p $$(@D)
	$$(call tool,va-ensemble) calibrate $(LABEL_OPTIONS) -q --level $(subst $(space),$(comma),$(strip $(LEVELS))) $(LABELS:%=--labels %) \
	    --list $(SPLIT)/$(1)/train.txt --weight-table $$< -o $$@ $(patsubst %,$(OUT)/cv/$(1)/inner/%.h5,$(call mixed,$(2)))
$(foreach l,$(LEVELS),$(OUT)/cv/$(1)/all/$(l)/$(2).h5): $(call weights,$(1),$(2)) $(call interval,$(1),$(2)) $(call members_all,$(1),$(2))
	@mkdir -p $$(@D)
	$$(call tool,va-ensemble) $(quiet) --weight-table $$< --interval $(call interval,$(1),$(2)) --level $$(notdir $$(@D)) -o $$@ \
	    $(call members_all,$(1),$(2))
endef
$(foreach k,$(FOLDS),$(foreach x,$(MIXTURES),$(eval $(call INTERVAL_RULES,$(k),$(x)))))

# $(call covered,NAMES IN THE TABLE,LIST,FILES)
covered = $(call plain,va-score) -q $(LABELS:%=--labels %) --list $(2) $(3) >$(part).score && awk -F '\t' \
              '$$1 == "pooled" { n = $$8; c[$$2] = $$10; w[$$2] = $$11 } END { printf "$(1)\t%d\t%.3f\t%.3f\t%.3f\t%.3f\n"$(comma) \
              n$(comma) c["valence"]$(comma) c["arousal"]$(comma) w["valence"]$(comma) w["arousal"] }' $(part).score >>$(part) && rm $(part).score &&
$(OUT)/coverage.tsv: $(foreach k,$(FOLDS),$(foreach l,$(LEVELS),$(foreach x,$(MIXTURES),$(OUT)/cv/$(k)/all/$(l)/$(x).h5))) $(SCORED) $(call settings,table)
	@printf 'model\tlevel\tfold\tframes\tvalence\tarousal\twidth_valence\twidth_arousal\n' >$(part) && \
	$(foreach x,$(MIXTURES),$(foreach l,$(LEVELS),\
	$(foreach k,$(FOLDS),$(call covered,$(x)\t$(l)\t$(k),$(SPLIT)/$(k)/val.txt,$(OUT)/cv/$(k)/all/$(l)/$(x).h5)) \
	$(call covered,$(x)\t$(l)\tall,$(SCORED),$(call of_folds,all/$(l)/$(x))))) $(put)
$(call only_make)
