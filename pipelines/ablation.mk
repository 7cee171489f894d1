# The paper's comparison on one's own data: Mamba against LSTM, GRU and Transformer, with and without
# the TCN, all of the same width.
#
#   make -j2 -f pipelines/ablation.mk FEATURES=features LABELS=labels FOLDS_TSV=folds.tsv OUT=out
#
#   FEATURES, LABELS, FOLDS_TSV   as for nested.mk
#   TEMPORALS  the models; the first part of each name says whether there is a TCN
#   LENGTHS    frames of a window for which time and memory of training are measured
#
# Makes $(OUT)/ablation.tsv: CCC pooled over the held-out videos of all folds, parameters, and for each
# length the milliseconds that a training step of 16 windows takes and the most memory, in MiB.
# Measure on a machine that does nothing else: make -j1 then.
HERE := $(dir $(lastword $(MAKEFILE_LIST)))
.DEFAULT_GOAL := ablation
include $(HERE)params.mk
$(if $(and $(FEATURES),$(LABELS),$(FOLDS_TSV)),,$(error set FEATURES, LABELS and FOLDS_TSV))

TEMPORALS ?= tcn-mamba tcn mamba tcn-lstm lstm tcn-gru gru tcn-transformer transformer
LENGTHS   ?= 100 300 900
BATCH     ?= 16
SELECT    = --select last
include $(HERE)given.mk

AB = $(OUT)/ablation

.PHONY: ablation
ablation: $(OUT)/ablation.tsv
	@cat $<

# ---- accuracy ---------------------------------------------------------------------------------
# $(AB)/<temporal>/<fold>.h5
$(foreach t,$(TEMPORALS),$(foreach k,$(FOLDS),$(AB)/$(t)/$(k).model)): $(AB)/%.model: $(WINDOWS) $$(SPLIT)/$$(*F)/train.txt $$(SPLIT)/$$(*F)/val.txt
	@mkdir -p $(@D)
	$(call tool,va-tcn-mamba-train) $(TRAIN_OPTIONS) $(SELECT) --batch $(BATCH) --temporal $(*D) --seed $(SEED) \
	    -j $(THREADS) -q --resume --windows $(WINDOWS) --train $(SPLIT)/$(*F)/train.txt \
	    --val $(SPLIT)/$(*F)/val.txt -o $@
$(foreach t,$(TEMPORALS),$(foreach k,$(FOLDS),$(AB)/$(t)/$(k).h5)): $(AB)/%.h5: $(AB)/%.model
	$(call tool,va-predict) -q -j $(THREADS) -m $< --mode overlap --windows $(WINDOWS) \
	    --list $(SPLIT)/$(*F)/val.txt -o $@

# ---- cost -------------------------------------------------------------------------------------
# Two runs that differ in ten steps: what is not a step cancels.
$(foreach l,$(LENGTHS),$(AB)/windows-$(l).h5): $(AB)/windows-%.h5: $(VIDEOS) $(LABEL_FILES)
	@mkdir -p $(@D)
	$(call tool,va-window) --window $* --stride $* $(LABELS:%=--labels %) -o $@ $(VIDEOS) >$@.tsv
$(foreach t,$(TEMPORALS),$(foreach l,$(LENGTHS),$(AB)/$(t)/cost-$(l).tsv)): $(AB)/%.tsv: $$(AB)/windows-$$(subst cost-,,$$(*F)).h5 $(SPLIT)/$(firstword $(FOLDS))/train.txt
	@mkdir -p $(@D)
	@echo "  va-tcn-mamba-train $@" >&2; for steps in 2 12; do \
	    $(call plain,va-tcn-mamba-train) $(TRAIN_OPTIONS) $(SELECT) --batch $(BATCH) --temporal $(*D) --epochs 1000 \
	        --warmup-epochs 1 --steps $$steps -j $(THREADS) -v --windows $< --train $(SPLIT)/$(firstword $(FOLDS))/train.txt \
	        --val $(SPLIT)/$(firstword $(FOLDS))/val.txt -o $@.model 2>&1 | grep 'took .* MiB'; done | \
	    awk '{ sub(/.*took /, ""); t[NR] = $$1; m = $$(NF - 1) } END { printf "%.0f\t%s\n", (t[2] - t[1]) * 100, m }' >$@.part && \
	    rm -f $@.model && mv $@.part $@

# ---- the table ----------------------------------------------------------------------------------
of_folds = $(foreach k,$(FOLDS),$(AB)/$(1)/$(k).h5)
parameters = $$($(call plain,va-weights) info $(AB)/$(1)/$(firstword $(FOLDS)).model | awk '$$1 == "total" { print $$2 }')
row = $(call pooled,$(call of_folds,$(1)),printf "$(1)\t%.3f\t%.3f\t%.3f\t"$(comma) c["valence"]$(comma) c["arousal"]$(comma) c["mean"]) \
      printf '%s\t%s\n' "$(parameters)" "$$(cat $(foreach l,$(LENGTHS),$(AB)/$(1)/cost-$(l).tsv) | paste -s)" >>$@.part &&
comma := ,
$(OUT)/ablation.tsv: $(foreach t,$(TEMPORALS),$(call of_folds,$(t)) $(foreach l,$(LENGTHS),$(AB)/$(t)/cost-$(l).tsv)) $(SCORED)
	@{ printf 'temporal\tvalence\tarousal\tmean\tparameters'; printf '\tms_%s\tMiB_%s' $(foreach l,$(LENGTHS),$(l) $(l)); echo; } >$@.part && \
	$(foreach t,$(TEMPORALS),$(call row,$(t))) mv $@.part $@
