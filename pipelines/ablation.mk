# The paper's comparison on one's own data: the temporal models that there are, Mamba against LSTM, GRU and
# Transformer, with and without the TCN, all of the same width.
#
#   make -j2 -f pipelines/ablation.mk FEATURES=features LABELS=labels FOLDS_TSV=folds.tsv OUT=out
#
#   FEATURES, LABELS, FOLDS_TSV   as for nested.mk
#   VARIANTS   what is compared: names that --temporal knows (all of them unless given), or others with
#              their OPTIONS_name
#              (all added to TRAIN_OPTIONS); SMOOTH_name are options of va-smooth
#   SEEDS      of the training; CCC is the mean over them, the spread that of the mean of valence
#              and arousal (largest less smallest)
#   LENGTHS    frames of a window for which time and memory of training are measured; may be empty
#
# Makes $(OUT)/ablation.tsv: CCC pooled over the held-out videos of all folds, parameters, and for each
# length the milliseconds of processor time that a training step of BATCH windows takes (of all THREADS
# together) and the most memory, in MiB. Other work on the machine makes them longer, but not by much.
HERE := $(dir $(lastword $(MAKEFILE_LIST)))
.DEFAULT_GOAL := ablation
include $(HERE)params.mk
$(if $(and $(FEATURES),$(LABELS),$(FOLDS_TSV)$(GROUPS_TSV)$(GROUP_PATTERN)),,$(error set FEATURES, LABELS and FOLDS_TSV (or GROUPS_TSV or GROUP_PATTERN)))

KNOWN    := $(shell $(call program,va-tcn-mamba-train) --help-table | awk -F '\t' '$$3 == "temporal" { print $$5 }')
VARIANTS ?= $(KNOWN)
LENGTHS  ?= 100 300 900
SEEDS    ?= $(SEED)
BATCH    ?= 16
SELECT    = --select last
include $(HERE)given.mk

AB = $(OUT)/ablation

$(call need,VARIANTS)
$(call names,once VARIANTS $(call quoted,$(VARIANTS)))
$(call need_numbers,BATCH)
$(call names,numbers LENGTHS $(call quoted,$(LENGTHS)))
$(foreach v,$(VARIANTS),$(if $(or $(filter $(v),$(KNOWN)),$(OPTIONS_$(v))),,\
    $(error VARIANTS: nothing says what $(v) is: set OPTIONS_$(v), or take one of $(KNOWN))))
$(call ours,$(OUT)/ablation.tsv)
$(call claim,windows,$(AB)/*.h5 $(AB)/*/*/*.h5 $(AB)/*/*/*.model)
$(foreach v,$(VARIANTS),$(eval SETTINGS_train-$(v) = $$(call options,$(v)))$(eval SETTINGS_smooth-$(v) = $$(SMOOTH_$(v))))
SETTINGS_cost  = $(LABELS) $(LABEL_OPTIONS) $(VIDEOS)
SETTINGS_table = $(VARIANTS) $(SEEDS) $(LENGTHS) $(FOLDS) $(LABELS) $(LABEL_OPTIONS)

.PHONY: ablation
ablation: $(OUT)/ablation.tsv
	@cat $<

options = $(TRAIN_OPTIONS) $(or $(OPTIONS_$(1)),--temporal $(1)) $(SELECT) --batch $(BATCH)
train = $(call plain,va-tcn-mamba-train) $(options) -j $(THREADS)
lists = --train $(SPLIT)/$(1)/train.txt --val $(SPLIT)/$(1)/val.txt

# ---- accuracy ---------------------------------------------------------------------------------
# $(AB)/<variant>/<seed>/<fold>.h5
runs = $(foreach s,$(or $(2),$(SEEDS)),$(foreach k,$(FOLDS),$(AB)/$(1)/$(s)/$(k)))
define VARIANT_RULES
$(addsuffix .model,$(call runs,$(1))): $(AB)/$(1)/%.model: $(WINDOWS) $$(SPLIT)/$$$$(*F)/train.txt $$(SPLIT)/$$$$(*F)/val.txt $(call settings,train-$(1))
	@mkdir -p $$(@D) && echo "  va-tcn-mamba-train $$@" >&2
	@$(call train,$(1)) --seed $$(*D) -q --resume --windows $(WINDOWS) $$(call lists,$$(*F)) -o $$@
$(addsuffix .h5,$(call runs,$(1))): $(AB)/$(1)/%.h5: $(AB)/$(1)/%.model $(call settings,smooth-$(1))
	@$(call plain,va-predict) -q -j $(THREADS) -m $$< --mode overlap --windows $(WINDOWS) \
	    --list $$(SPLIT)/$$(*F)/val.txt -o $(if $(SMOOTH_$(1)),$$(part) && \
	$(call plain,va-smooth) -q $(SMOOTH_$(1)) -o $$@ $$(part) && rm $$(part),$$@)
endef
$(foreach v,$(VARIANTS),$(eval $(call VARIANT_RULES,$(v))))

# ---- cost -------------------------------------------------------------------------------------
# Two runs that differ in ten steps: what is not a step cancels.
$(foreach l,$(LENGTHS),$(AB)/windows-$(l).h5): $(AB)/windows-%.h5: $(VIDEOS) $(LABEL_FILES) $(call settings,cost)
	@mkdir -p $(@D)
	$(call tool,va-window) --window $* --stride $* $(LABELS:%=--labels %) -o $@ $(call files,$(VIDEOS)) >/dev/null
define COST_RULES
$(foreach l,$(LENGTHS),$(AB)/$(1)/cost-$(l).tsv): $(AB)/$(1)/cost-%.tsv: $(AB)/windows-%.h5 $(SPLIT)/$(firstword $(FOLDS))/train.txt $(call settings,train-$(1))
	@mkdir -p $$(@D) && echo "  va-tcn-mamba-train $$@" >&2
	@for steps in 2 12; do \
	    $(call train,$(1)) --epochs 1000 --warmup-epochs 1 --steps $$$$steps --restart -v --windows $$< \
	        $(call lists,$(firstword $(FOLDS))) -o $$(part).model 2>$$(part).log || { cat $$(part).log >&2; exit 1; }; \
	    grep 'took .* MiB' $$(part).log; done >$$(part).times && \
	    awk '{ sub(/.*took [0-9.]* s, /, ""); t[NR] = $$$$1; m = $$$$(NF - 1) } \
	        END { d = (t[2] - t[1]) * 100; printf "%.0f\t%s\n", (d > 0 ? d : 0), m }' $$(part).times >$$(part) && \
	    rm -f $$(part).model $$(part).log $$(part).times && $$(put)
endef
$(foreach v,$(VARIANTS),$(eval $(call COST_RULES,$(v))))

# ---- the table ----------------------------------------------------------------------------------
comma := ,
predictions = $(addsuffix .h5,$(call runs,$(1),$(2)))
parameters = $(call plain,va-weights) info $(firstword $(call runs,$(1))).model | awk '$$1 == "total" { print $$2 }'
# One line per seed, then one of them all.
row = : >$(part).seeds && $(foreach s,$(SEEDS),$(call pooled,$(call predictions,$(1),$(s)),print c["valence"]$(comma) c["arousal"]$(comma) c["mean"],$(part).seeds)) \
      { awk '{ v += $$1; a += $$2; m += $$3; if (NR == 1 || $$3 > hi) hi = $$3; if (NR == 1 || $$3 < lo) lo = $$3 } \
             END { printf "$(1)\t%.3f\t%.3f\t%.3f\t%.3f\t", v / NR, a / NR, m / NR, hi - lo }' $(part).seeds; \
        { $(parameters); cat /dev/null $(foreach l,$(LENGTHS),$(AB)/$(1)/cost-$(l).tsv); } | paste -s; } >>$(part) &&
$(OUT)/ablation.tsv: $(foreach v,$(VARIANTS),$(call predictions,$(v)) $(foreach l,$(LENGTHS),$(AB)/$(v)/cost-$(l).tsv)) $(SCORED) $(call settings,table)
	@{ printf 'variant\tvalence\tarousal\tmean\tspread\tparameters'; $(foreach l,$(LENGTHS),printf '\tms_$(l)\tMiB_$(l)';) echo; } >$(part) && \
	$(foreach v,$(VARIANTS),$(call row,$(v))) rm -f $(part).seeds && $(put)
$(call only_make)
