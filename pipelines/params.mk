# Settings that the pipelines share. Override on the command line (make -f ... SEED=7) or in the
# environment; lists of options are passed on as they are. Paths and names have letters, digits, UTF-8
# and . _ - + , @ alone; only the videos of video.mk may be called anything.
# VOICE: a descriptor of one digit that commands get as standard error; make's own words go to its own.
ifdef VOICE
.SHELLFLAGS := -c 'exec 2>&$(VOICE); eval "$$1"' sh
endif
include $(dir $(lastword $(MAKEFILE_LIST)))names.mk

# Tools of a build folder; without them those on PATH.
BIN    ?= $(dir $(lastword $(MAKEFILE_LIST)))../build/bin
OUT    ?= out
override OUT := $(or $(patsubst %/,%,$(OUT)),$(OUT))
# Goes before each command of a stage, for schedulers: LAUNCH="srun -c 4 -G 1"
LAUNCH ?=
# The same for training, which may run on several ranks: TRAIN_LAUNCH="mpirun -n 4"
TRAIN_LAUNCH ?= $(LAUNCH)
# srun lets other ranks wait for one that is lost, unless it is told to end them (-K).
export SLURM_KILL_BAD_EXIT ?= 1
# VA_WAIT: seconds to wait for output files. With LAUNCH, a command has ended when it says so in a file: its launcher may
# succeed although the node is gone.
VA_WAIT ?= 10
# Threads of one command. Make runs commands side by side (-j), so the default is 1.
THREADS ?= 1
SEED   ?= 42
# Folds of the cross-validation; fold 0 is the official split.
FOLDS  ?= 0 1 2 3 4 5

# For every command that reads label files: --label-fps 4 where they have 4 rows a second
LABEL_OPTIONS   ?=
DECODE_OPTIONS  ?=
FACES_OPTIONS   ?=
CROP_OPTIONS    ?=
EMBED_OPTIONS   ?=
WINDOW_OPTIONS  ?= --window 300 --stride 200
SPLIT_OPTIONS   ?=
FINETUNE_OPTIONS ?= --unmatched skip
TRAIN_OPTIONS   ?= --preset paper
PREDICT_OPTIONS ?=
SMOOTH_OPTIONS  ?= --filter gaussian --sigma 5

# $(call tool,NAME) begins a command; a line before it says what it makes. V=1 shows commands, QUIET=1 nothing
# but warnings and errors.
tool = $(if $(V),,@)$(told)
told = $(if $(V)$(QUIET),,echo "$(CLEAR)  $(1)$(if $@, $(subst /.batch/,/,$(@:%/.done=%)))" >&2 && )$(plain)
CLEAR := $(if $(MAKE_TERMERR),$(shell printf '\r\033[K'))
# An option of tools; of those that have commands, recipes give it behind the command.
quiet = $(if $(QUIET),--quiet)
# The trainings of folds share a line on a terminal. They are the last command of their shell, and take its place: a
# signal that make hands on reaches them.
follow = $(if $(filter $(or $(CV),none)/%,$@),$(if $(filter va-finetune va-tcn-mamba-train,$(1)),exec sh $(dir $(NAMES))progress.sh $(CV) $(@F) '$(FOLDS)' ))
program = $(if $(wildcard $(BIN)/$(1)),$(BIN)/$(1),$(1))
launcher = $(if $(filter va-mae-pretrain va-finetune va-tcn-mamba-train,$(1)),$(TRAIN_LAUNCH),$(LAUNCH))
mark     = $(@D)/.$(@F).done
launched = $(if $(launcher),sh $(dir $(NAMES))launched.sh $(VA_WAIT) $(mark) $(VA_USAGE) $(launcher) env VA_USAGE=$(mark) )
# The command alone, for a second one in a recipe.
plain = $(call follow,$(1))$(launched)$(program) \
            $(if $(filter-out va-fold va-ensemble va-weights,$(1)),$(quiet)) $(if $(filter va-window va-finetune va-predict va-score,$(1)),$(LABEL_OPTIONS))

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
# No .DELETE_ON_ERROR: nothing stands under its name before it is whole, and what stands there when a
# command fails is an earlier file, or that of another make.
.SECONDARY:
.SECONDEXPANSION:
include $(dir $(NAMES))outputs.mk
$(call need,OUT)
$(call need_numbers,SEED THREADS VA_WAIT)
# What each command has taken: va-report and va-jobs read it.
export VA_USAGE := $(STAMPS)/usage
# Make hands signals on to shells alone: a tool is told to stop when its shell is gone.
export VA_STOP_WITH_PARENT := yes
