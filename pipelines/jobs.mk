# What va-jobs(1) schedules. With UNITS=yes make says first which files belong together: a line "unit", a stage, and the
# files of a task, with tabs between; and "given", with a setting that is from the environment. Stages stand in the order in which they need each other.
#
# Expects what labelled.mk makes. What is prepared is made before there are tasks: they would make it side by side.
unit = $(if $(strip $(2)),$(info unit	$(1)	$(strip $(2))))
ifdef UNITS
$(foreach v,$(GIVEN),$(info given	$(v)))
$(call unit,prepare,$(LISTS))
$(if $(FEATURES),,$(if $(TUNE),\
    $(foreach v,$(LABELLED) $(filter-out $(LABELLED),$(TEST)),$(call unit,frames,$(FRAMES)/$(v).h5)),\
    $(foreach b,$(BATCHES),$(call unit,features,$(b)))))
$(if $(TUNE),,$(call unit,windows,$(WINDOWS)))
$(foreach k,$(FOLDS),$(call unit,folds,$(filter $(CV)/$(k)/%,$(SCORES) $(BASELINES)) $(if $(TUNE),$(if $(TEST),$(CV)/$(k)/test.h5))))
$(call unit,table,$(OUT)/table.txt $(OUT)/table.tsv $(OUT)/table.md $(OUT)/report.html $(if $(SAMPLE),$(OUT)/submission.txt))
endif
