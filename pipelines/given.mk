# Windows and lists of a corpus whose features are given, and its folds or groups.
#
# Expects params.mk, FEATURES, LABELS, FOLDS_TSV or groups (see nested.mk); gives WINDOWS, SPLIT, FOLDS and
# SCORED, the list of all videos that a fold holds out.
$(call apart,FEATURES STREAMS LABELS)
VIDEOS      := $(sort $(call names,files .h5 $(FEATURES)))
LABEL_FILES := $(sort $(call names,files .txt $(LABELS)))
$(if $(VIDEOS),,$(error no <video>.h5 in $(FEATURES)))
WINDOWS      = $(OUT)/windows.h5
SPLIT        = $(OUT)/folds
$(if $(FOLDS_TSV),,$(if $(word 2,$(LABELS)),$(error LABELS: found $(words $(LABELS)) folders, expected one, or FOLDS_TSV)))
include $(HERE)folds.mk
FOLDS       := $(FOLDS_THERE)

SCORED       = $(SPLIT)/scored.txt
$(call need_numbers,SEEDS)
$(call need_folds,$(FOLDS_THERE))
$(call ours,$(OUT)/windows.tsv $(SCORED))
$(call claim,windows,$(WINDOWS))

SETTINGS_windows = $(WINDOW_OPTIONS) $(LABEL_OPTIONS) $(LABELS) $(VIDEOS)
SETTINGS_split   = $(split_from) $(LABEL_FILES)
SETTINGS_score   = $(LABELS) $(LABEL_OPTIONS) $(FOLDS)

$(WINDOWS): $(VIDEOS) $(LABEL_FILES) $(call settings,windows)
	@mkdir -p $(@D)
	$(call make_windows,$(call files,$(VIDEOS)),$(OUT))
$(foreach k,$(FOLDS),$(SPLIT)/$(k)/train.txt $(SPLIT)/$(k)/val.txt) &: $(or $(FOLDS_TSV),$(LABEL_FILES) $(GROUPS_TSV)) $(call settings,split)
	$(call tool,va-fold) split $(split_from) -o $(SPLIT)
$(SCORED): $(foreach k,$(FOLDS),$(SPLIT)/$(k)/val.txt)
	@sort -u $^ >$(part) && $(put)

# $(call pooled,FILES,AWK,TO): the CCC of all held-out frames of these predictions, as c["valence"],
# c["arousal"] and c["mean"] of an awk program that prints a line of a table.
pooled = $(call plain,va-score) -q $(LABELS:%=--labels %) --list $(SCORED) $(1) >$(part).score && \
             awk '$$1 == "pooled" { c[$$2] = $$3 } END { $(2) }' $(part).score >>$(or $(3),$(part)) && rm $(part).score &&
