# A corpus of your own -> the table of its cross-validation.
#
#   make -j2 -f pipelines/corpus.mk FEATURES=features LABELS=labels GROUP_PATTERN='^[^_]+' OUT=out
#   make -j2 -f pipelines/corpus.mk VIDEOS=videos ENCODER=encoder.h5 LABELS=labels GROUPS_TSV=groups.tsv OUT=out
#
#   FEATURES       folder of ready-made <video>.h5 (va.features/1), or
#   ENCODER        a va.model/1 file of a vision transformer, and
#   CROPS, VIDEOS  <video>/NNNNN.jpg; <video>.mp4 or .avi, used where there are no crops
#   LABELS         folder of <video>.txt; LABEL_OPTIONS="--label-fps 4" where they have 4 rows a second
#   GROUPS_TSV     table of videos that stay together: columns clip (or video) and group
#   GROUP_PATTERN  or an extended regular expression for the part of their names by which they do
#   FOLD_COUNT     6: folds that are drawn by group
#   FOLDS_TSV      folds as given (columns clip and fold) instead
#   TUNE, FRAMES   as for affwild2.mk
#
# Without groups, <video>, <video>_left and <video>_right stay together. Targets: all (the table), frames,
# features, windows, cv. A second run makes what is out of date.
HERE := $(dir $(lastword $(MAKEFILE_LIST)))
.DEFAULT_GOAL := all
FOLD_COUNT ?= 6
FOLDS      ?= $(FOLDS_THERE)
include $(HERE)params.mk

CROPS    ?= crops
VIDEOS   ?= videos
LABELS   ?= labels
LABELS_BY = LABELS
PUBLISHED = no
$(call need_numbers,FOLD_COUNT)
$(call need_files,GROUPS_TSV)
$(if $(word 2,$(LABELS)),$(error LABELS: found $(words $(LABELS)) folders, expected one))
FOLDS_THERE := $(if $(FOLDS_TSV),$(call names,folds $(FOLDS_TSV)),$(shell seq 0 $$(($(FOLD_COUNT) - 1))))
split_from = $(if $(FOLDS_TSV),--folds-tsv $(FOLDS_TSV),--labels $(LABELS) --folds $(FOLD_COUNT) --seed $(SEED) \
                 $(if $(GROUPS_TSV),--groups $(GROUPS_TSV)) \
                 $(if $(GROUP_PATTERN),--group-pattern $(call quoted,$(GROUP_PATTERN))))
include $(HERE)labelled.mk
