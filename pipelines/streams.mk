# Named streams of a corpus: each alone, pairs, all, and ways to join them, by nested cross-validation.
#
#   make -j2 -f pipelines/streams.mk STREAMS="data/picture data/sound" LABELS=labels FOLDS_TSV=folds.tsv OUT=out
#
#   STREAMS    folders of <video>.h5 (va.features/1), one for each stream, which has the folder's name; each
#              has all videos
#   STREAM_OPTIONS  of va-window: --stream-missing sound=zero
#   NET        options of all nets; FUSED those of nets with a fusion as well
#   SEEDS      1 2 3; SEEDS=1 trains less
#   GROUPS_TSV, GROUP_PATTERN   instead of FOLDS_TSV, and the rest, as for nested.mk
#
# Members: each stream alone (its name), with three streams or more each pair (a+b), and of all streams
#   linear   a ridge regression on some seconds around a frame
#   beside   their columns side by side (--fusion none)
#   concat   a norm and a linear layer each (--fusion concat)
#   cross    with a trunk each and attention across them (--fusion cross)
# Mixtures, with weights chosen on training videos only: late, of the streams alone; mixture, of all members.
#
# Of K folds each net is trained K (K - 1) / 2 times for the choice, and K times for each seed. Two streams (five
# nets), six folds and three seeds are 165 trainings, SEEDS=1 105. With
# SEEDS=1 MEMBERS="picture sound linear concat" they are 63; MEMBERS has each stream, for late.
#
# Makes $(OUT)/nested.tsv as nested.mk does; nothing is chosen on held-out videos. Row "picture 1" is the net of stream
# picture with seed 1, "picture all" the mean of its predictions with all seeds.
STREAMS_HERE := $(dir $(lastword $(MAKEFILE_LIST)))
include $(STREAMS_HERE)names.mk
$(if $(and $(word 2,$(STREAMS)),$(LABELS),$(FOLDS_TSV)$(GROUPS_TSV)$(GROUP_PATTERN)),,\
    $(error set STREAMS (two folders or more), LABELS and FOLDS_TSV (or GROUPS_TSV or GROUP_PATTERN)))
override STREAMS := $(STREAMS:/=)
ALONE    := $(notdir $(STREAMS))
$(call names,once STREAMS $(call quoted,$(ALONE)))
FEATURES := $(firstword $(STREAMS))

# a+b for each pair of three streams or more, in their order
rest   = $(wordlist 2,$(words $(1)),$(1))
pairs  = $(if $(word 2,$(1)),$(foreach b,$(call rest,$(1)),$(firstword $(1))+$(b)) $(call pairs,$(call rest,$(1))))
PAIRED := $(if $(word 3,$(ALONE)),$(call pairs,$(ALONE)))

NET   ?= --channels 48,48,48,48 --temporal gru --layers 2 --hidden 32 --epochs 12 --warmup-epochs 1 \
         --lr 1e-3 --weight-decay 1e-2 --initial authors --in-norm yes --lookahead 30 --select last
FUSED ?=
JOINED   := linear beside concat cross
RESERVED := all late mixture $(JOINED)
$(if $(filter $(RESERVED),$(ALONE)),$(error STREAMS: no stream can be called $(filter $(RESERVED),$(ALONE)): that is a row of the table))
MEMBERS  := $(ALONE) $(PAIRED) $(JOINED)
MIXTURES := late mixture
MIX_late := $(ALONE)
KIND_linear    := ridge
OPTIONS_linear ?= --context 50 --step 10
OPTIONS_beside  = $(NET)
OPTIONS_concat  = $(NET) --fusion concat $(FUSED)
OPTIONS_cross   = $(NET) --fusion cross $(FUSED)
$(foreach m,$(ALONE) $(PAIRED),$(eval OPTIONS_$(m) = $$(NET)))

# ---- windows: one index for each set of streams -----------------------------------------------------
SETS := $(ALONE) $(PAIRED) all
index = $(OUT)/windows/$(1)/windows.h5
$(foreach m,$(ALONE) $(PAIRED),$(eval WINDOWS_$(m) = $$(call index,$(m))))
$(foreach m,$(JOINED),$(eval WINDOWS_$(m) = $$(call index,all)))
include $(STREAMS_HERE)nested.mk

of_set = $(if $(filter all,$(1)),$(ALONE),$(subst +, ,$(1)))
given  = $(foreach s,$(1),--stream $(s)=$(filter %/$(s) $(s),$(STREAMS)))
SETTINGS_streams = $(STREAMS) $(STREAM_OPTIONS) $(SETTINGS_windows)
$(call claim,streams,$(foreach s,$(SETS),$(call index,$(s))))
$(foreach s,$(SETS),$(call index,$(s))): $(OUT)/windows/%/windows.h5: $(foreach s,$(STREAMS),$(wildcard $(s)/*.h5)) $(LABEL_FILES) $(call settings,windows streams)
	@mkdir -p $(@D)
	$(call make_windows,$(call given,$(call of_set,$*)) $(STREAM_OPTIONS),$(@D))
