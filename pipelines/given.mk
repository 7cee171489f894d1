# Windows and lists of a corpus whose features and folds are given.
#
# Expects params.mk, FEATURES, LABELS, FOLDS_TSV (see nested.mk); gives WINDOWS, SPLIT, FOLDS and
# SCORED, the list of all videos that a fold holds out.
VIDEOS      := $(sort $(call names,files .h5 $(FEATURES)))
LABEL_FILES := $(sort $(call names,files .txt $(LABELS)))
$(if $(VIDEOS),,$(error no <video>.h5 in $(FEATURES)))
WINDOWS      = $(OUT)/windows.h5
SPLIT        = $(OUT)/folds
FOLDS       := $(call names,folds $(FOLDS_TSV))

SCORED       = $(SPLIT)/scored.txt
$(call need_numbers,SEEDS)
$(call need_folds,$(call names,folds $(FOLDS_TSV)))
$(call ours,$(OUT)/windows.tsv $(SCORED))
$(call claim,windows,$(WINDOWS))

SETTINGS_windows = $(WINDOW_OPTIONS) $(LABEL_OPTIONS) $(LABELS) $(VIDEOS)
SETTINGS_split   = $(FOLDS_TSV)
SETTINGS_score   = $(LABELS) $(LABEL_OPTIONS) $(FOLDS)

$(WINDOWS): $(VIDEOS) $(LABEL_FILES) $(call settings,windows)
	@mkdir -p $(@D)
	$(call make_windows,$(VIDEOS),$(OUT))
$(foreach k,$(FOLDS),$(SPLIT)/$(k)/train.txt $(SPLIT)/$(k)/val.txt) &: $(FOLDS_TSV) $(call settings,split)
	$(call tool,va-fold) split --folds-tsv $(FOLDS_TSV) -o $(SPLIT)
$(SCORED): $(foreach k,$(FOLDS),$(SPLIT)/$(k)/val.txt)
	@sort -u $^ >$(part) && $(put)

# $(call pooled,FILES,AWK,TO): the CCC of all held-out frames of these predictions, as c["valence"],
# c["arousal"] and c["mean"] of an awk program that prints a line of a table.
pooled = $(call plain,va-score) -q $(LABELS:%=--labels %) --list $(SCORED) $(1) | \
             awk '$$1 == "pooled" { c[$$2] = $$3 } END { $(2) }' >>$(or $(3),$(part)) &&
