# Which folds there are: those of FOLDS_TSV, or FOLD_COUNT that va-fold draws by group.
#
# Expects params.mk, LABELS and FOLDS_TSV, GROUPS_TSV or GROUP_PATTERN as for corpus.mk; gives
#   FOLDS_THERE  numbers of the folds
#   split_from   options of va-fold split
#   groups       options that say to others which videos stay together
FOLD_COUNT ?= 6
$(call need_numbers,FOLD_COUNT)
$(call need_files,GROUPS_TSV)
FOLDS_THERE := $(if $(FOLDS_TSV),$(call names,folds $(FOLDS_TSV)),$(shell seq 0 $$(($(FOLD_COUNT) - 1))))
grouped    = $(if $(GROUPS_TSV),--groups $(GROUPS_TSV)) $(if $(GROUP_PATTERN),--group-pattern $(call quoted,$(GROUP_PATTERN)))
groups     = $(if $(FOLDS_TSV),--groups $(FOLDS_TSV),$(grouped))
split_from = $(if $(FOLDS_TSV),--folds-tsv $(FOLDS_TSV),--labels $(LABELS) --folds $(FOLD_COUNT) --seed $(SEED) $(grouped))
