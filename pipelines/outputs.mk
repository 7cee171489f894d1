# What a pipeline writes, beside the outputs of tools: files that commands print, and the settings that
# each stage was run with. params.mk reads this file.

# ---- what commands print ----------------------------------------------------------------------
# A recipe prints to $(part), and $(put) makes that its target. A file that is there and that no
# pipeline wrote is somebody's own: it stays, and the recipe fails (put.sh).
STAMPS = $(OUT)/.make
part   = $(@D)/.$(@F).part
put    = $(call put_at,$@)
put_at = sh $(dir $(NAMES))put.sh $(STAMPS)/outputs $(1)
# $(call ours,FILES): the same question before the first rule
ours   = $(call answer,$(shell sh $(dir $(NAMES))put.sh $(STAMPS)/outputs --check $(1)))

# ---- settings ---------------------------------------------------------------------------------
# $(call settings,STAGES): files that are newer than all that was made with other settings, which are
# the variables SETTINGS_<stage>.
settings = $(1:%=$(STAMPS)/%)
# Such a file begins with a word; another one of this name is somebody's own.
STAMP    = settings:
stamped  = $(if $(wildcard $(1)),$(if $(filter $(STAMP),$(firstword $(file <$(1)))),yes,$(error $(1): exists, and no pipeline wrote it: move it, or give another OUT)))
same     = $(if $(subst x$(1),,x$(2))$(subst x$(2),,x$(1)),,same)
stamp_of = $(strip $(STAMP) $(subst $(newline), ,$(SETTINGS_$(1))))
changed  = $(if $(and $(call stamped,$(1)),$(call same,$(strip $(file <$(1))),$(call stamp_of,$(notdir $(1))))),,FORCE)
define stamp
	@$(if $(dry),,$(shell mkdir -p $(@D))$(file >$@,$(call stamp_of,$*))):
endef
$(STAMPS)/%: $$(call changed,$$@)
	$(stamp)
.PHONY: FORCE
FORCE:

# $(call which,FILES): names, sizes and times for settings: a file of the same name may be another one, and older
which = $(if $(1),$(shell stat -Lc '%n %s %Y' $(1)))

# $(call claim,STAGE,FILES): the outputs of the tools of a stage. Without its settings, no pipeline ever
# wrote them.
claim    = $(call claim_at,$(STAMPS)/$(1),$(2))
claim_at = $(if $(call stamped,$(1)),,$(foreach f,$(wildcard $(2)),$(error $(f): exists, and no pipeline wrote it: move it, or give another OUT)))

# ---- inputs ---------------------------------------------------------------------------------------
# $(call files,FILES): the option with a list of them, since no command line holds thousands. Settings are in the same folder.
files   = --files-from $(list_of)$(if $(dry),,$(file >$(list_of),$(subst $(space),$(newline),$(strip $(1)))))
list_of = $(STAMPS)/$(subst /,_,$(@:$(OUT)/%=%)).list

# ---- checks before the first rule ---------------------------------------------------------------
# $(call need,VARIABLES): lists that may not be empty
need = $(foreach v,$(1),$(if $(strip $($(v))),,$(error $(v) is empty: give it a value, or leave it out for its default)))
# $(call need_files,VARIABLES): each word is a file or folder that exists
need_files = $(foreach v,$(1),$(foreach f,$($(v)),$(if $(wildcard $(f)),,$(error $(v): $(f): no such file or folder))))
# $(call need_numbers,VARIABLES): whole numbers, each of them once
need_numbers = $(foreach v,$(1),$(call need,$(v))$(call names,numbers $(v) $(call quoted,$($(v)))))
# $(call need_folds,FOLDS THERE ARE)
need_folds = $(call need_numbers,FOLDS)$(foreach k,$(FOLDS),$(if $(filter $(k),$(1)),,$(error FOLDS: there is no fold $(k), expected some of $(strip $(1)))))

# $(call apart,VARIABLES): inputs, each in another folder than OUT
apart = $(foreach v,$(1),$(foreach f,$($(v)),$(if $(and $(realpath $(f)),$(call same,$(realpath $(f)),$(realpath $(OUT)))),\
    $(error OUT=$(OUT): this is also $(v), an input: give another OUT))))

# $(call only_make): this make is the only one that works in OUT, which it is about to write. After all other checks.
# JOB=yes: it is one of several that va-jobs(1) began, each with files of its own.
dry       = $(strip $(foreach f,n q t,$(findstring $(f),$(filter-out --%,$(firstword -$(MAKEFLAGS))))))
only_make = $(if $(dry)$(JOB),,$(call answer,$(shell sh $(dir $(NAMES))alone.sh $(STAMPS)/running $$PPID)))

# ---- windows ------------------------------------------------------------------------------------
# $(call make_windows,INPUTS,FOLDER): the index $@ and its table FOLDER/windows.tsv. The index gets its
# name last, so that a run that was killed before makes both anew.
make_windows = $(call tool,va-window) $(WINDOW_OPTIONS) $(LABELS:%=--labels %) -o $(@D)/.windows.part.h5 $(1) \
    >$(2)/.windows.tsv.part && $(call put_at,$(2)/windows.tsv) && mv -f $(@D)/.windows.part.h5 $@
