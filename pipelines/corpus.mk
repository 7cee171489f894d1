# A corpus of your own -> the table of its cross-validation.
#
#   make -j2 -f pipelines/corpus.mk FEATURES=features LABELS=labels GROUP_PATTERN='^[^_]+' OUT=out
#   make -j2 -f pipelines/corpus.mk VIDEOS=videos ENCODER=encoder.h5 LABELS=labels GROUPS_TSV=groups.tsv OUT=out
#
#   FEATURES       folder of ready-made <video>.h5 (va.features/1), or
#   ENCODER        a va.model/1 file of a vision transformer, and
#   CROPS, VIDEOS  crops/<video>/NNNNN.jpg (or zip archives, as for affwild2.mk); videos/<video>.mp4 (or .avi, .mov,
#                  .mkv, .webm), taken for each video without crops. CROPS= takes videos alone
#   LABELS         folder of <video>.txt; LABEL_OPTIONS="--label-fps 4" where they have 4 rows a second
#   GROUPS_TSV     table of videos that stay together: columns clip (or video) and group
#   GROUP_PATTERN  or an extended regular expression: videos stay together if it matches the same part of
#                  their names
#   FOLD_COUNT     6: folds that are drawn by group
#   FOLDS_TSV      folds as given (columns clip and fold) instead
#   TUNE, FRAMES   as for affwild2.mk
#   TRAIN_OPTIONS, WINDOW_OPTIONS  of va-tcn-mamba-train and va-window. Without them the model is the published
#                  one, which takes some seconds a step on two cores. A small one, for a first look:
#                  WINDOW_OPTIONS="--window 100 --stride 50"
#                  TRAIN_OPTIONS="--channels 32,32,32 --kernel 7 --layers 2 --epochs 20 --lr 1e-3 --batch 8"
#
# Several streams of features (picture and sound): streams.mk.
# Without groups, <video>, <video>_left and <video>_right stay together. Targets: all (the table), frames,
# features, windows, cv. A second run makes what is out of date.
HERE := $(dir $(lastword $(MAKEFILE_LIST)))
.DEFAULT_GOAL := all
FOLDS      ?= $(FOLDS_THERE)
include $(HERE)params.mk

CROPS    ?= crops
VIDEOS   ?= videos
LABELS   ?= labels
LABELS_BY = LABELS
PUBLISHED = no
$(if $(STREAMS),$(error STREAMS: corpus.mk takes one folder, FEATURES; pipelines/streams.mk takes STREAMS))
$(if $(word 2,$(LABELS)),$(error LABELS: found $(words $(LABELS)) folders, expected one))
include $(HERE)folds.mk
# Groups that nobody named: said where the folds are drawn.
people     = $(sort $(patsubst %_left,%,$(LABELLED:%_right=%)))
split_note = $(if $(FOLDS_TSV)$(GROUPS_TSV)$(GROUP_PATTERN),,no groups: each video stands alone ($(words $(people)) groups); GROUP_PATTERN or GROUPS_TSV keep videos together)
include $(HERE)labelled.mk
