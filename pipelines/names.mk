# Names from outside: variables, files in folders, rows of tables. params.mk reads this file first.
#
# What is given in the environment or on the command line is taken as it is: make expands no $(...) in
# it. names.sh says which names can be used; the others stop make, before the first rule, in one line.
NAMES := $(dir $(lastword $(MAKEFILE_LIST)))names.sh

# A path each, or several words.
PATH_VARIABLES := NAMES BIN OUT ROOT TRAIN_LABELS VAL_LABELS CROPS VIDEOS SAMPLE ENCODER FEATURES FRAMES FOLDS_TSV GROUPS_TSV \
                  PRETRAINED VIDEO_LIST EXIT_CODES WINDOWS SPLIT CV CORPUS RANDOM
WORD_VARIABLES := LABELS MODEL PICTURES FOLDS SEED SEEDS THREADS TUNE FACES MEMBERS VARIANTS LENGTHS BATCH \
                  FOLD_COUNT STREAMS MIXTURES EMBED_BATCH VA_WAIT
define newline


endef
space := $(subst ,, )

# $(call quoted,TEXT): one word of a shell command, whatever it holds.
quoted = '$(subst ','\'',$(1))'
# $(call passed,VARIABLE): VARIABLE='value', for another make.
passed = $(1)=$(call quoted,$(subst $$,$$$$,$($(1))))
# $(call names,COMMAND ARGS...): what names.sh prints, in one line; its message ends make.
names  = $(call answer,$(shell sh $(call quoted,$(NAMES)) $(1)))
answer = $(if $(filter 0,$(.SHELLSTATUS)),$(1),$(error $(1)))

# Settings of the environment, which is another one where tasks run (jobs.mk).
OPTION_VARIABLES := $(patsubst %,%_OPTIONS,LABEL DECODE FACES CROP EMBED WINDOW SPLIT FINETUNE TRAIN PREDICT SMOOTH)
GIVEN := $(foreach v,$(PATH_VARIABLES) $(WORD_VARIABLES) $(OPTION_VARIABLES) GROUP_PATTERN LAUNCH TRAIN_LAUNCH,\
             $(if $(filter environment,$(firstword $(origin $(v)))),$(v)))

# GIVEN: which paths come from outside; after the next lines make no longer knows.
outside = $(filter command environment,$(firstword $(origin $(1))))
literal = $(if $(outside),$(eval $(if $(filter-out environment,$(origin $(1))),override) \
              $(1) := $$(subst $$(newline), ,$$(value $(1)))))
GIVEN  := $(GIVEN) $(foreach v,$(PATH_VARIABLES),$(if $(call outside,$(v)),$(v)))
$(foreach v,$(PATH_VARIABLES) $(WORD_VARIABLES) VIDEO GROUP_PATTERN,$(call literal,$(v)))
$(foreach v,$(PATH_VARIABLES),$(if $($(v)),$(call names,path $(v) $(call quoted,$($(v))))))
$(foreach v,$(WORD_VARIABLES),$(if $($(v)),$(call names,words $(v) $(call quoted,$($(v))))))

# A variable of the command line that is like one of the pipelines, and is none, is a slip of the pen. Others are for
# recipes and programs; those of a make above this one are its own matter.
override_files = $(wildcard $(MAKEFILE_LIST) $(dir $(NAMES))*.mk)
$(if $(filter-out 0,$(MAKELEVEL)),,$(if $(MAKEOVERRIDES),$(call names,known $(call quoted,$(MAKEOVERRIDES)) $(override_files))))
