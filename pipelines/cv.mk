# Cross-validation: windows and fold lists -> models, predictions, scores, the table.
#
# Expects params.mk and
#   WINDOWS  a va.windows/1 file with all labelled videos; or a function windows(k), if each fold has
#            one of its own
#   SPLIT    folder with <k>/train.txt and <k>/val.txt for k in FOLDS
#   LABELS   folders with the label files
#   PUBLISHED  no: the table is without the published scores, which are of Aff-Wild2
# Makes $(OUT)/cv/<k>/{model.h5,val.h5,score.tsv,ridge.tsv,mean.tsv}, $(OUT)/table.{txt,tsv,md} and
# $(OUT)/report.html.
CV ?= $(OUT)/cv
PUBLISHED ?= yes
windows ?= $(WINDOWS)
$(call need,LABELS WINDOWS SPLIT)
$(call need_numbers,FOLDS)
# Lists that no rule makes must be there.
$(if $(LISTS),,$(foreach k,$(FOLDS),$(if $(wildcard $(SPLIT)/$(k)/val.txt),,$(error FOLDS: found no $(SPLIT)/$(k)/val.txt))))

SETTINGS_train   = $(TRAIN_OPTIONS) $(SEED) $(WINDOWS) $(SPLIT)
SETTINGS_ridge   = $(WINDOWS) $(SPLIT)
SETTINGS_predict = $(PREDICT_OPTIONS) $(WINDOWS) $(SPLIT)
SETTINGS_score   = $(LABELS) $(LABEL_OPTIONS)
$(call claim,train,$(FOLDS:%=$(CV)/%/model.h5))
$(call claim,predict,$(FOLDS:%=$(CV)/%/val.h5))
$(call claim,ridge,$(FOLDS:%=$(CV)/%/ridge.h5) $(FOLDS:%=$(CV)/%/mean.h5))
SETTINGS_report  = $(SCORES) $(BASELINES) $(filter no,$(PUBLISHED))

$(CV)/%/model.h5: $$(call windows,$$*) $(SPLIT)/%/train.txt $(SPLIT)/%/val.txt $(call settings,train)
	@mkdir -p $(@D)
	$(call tool,va-tcn-mamba-train) $(TRAIN_OPTIONS) --seed $(SEED) -j $(THREADS) --resume \
	    --windows $(call windows,$*) --train $(SPLIT)/$*/train.txt --val $(SPLIT)/$*/val.txt \
	    --log-dir $(@D) -o $@

$(CV)/%/val.h5: $(CV)/%/model.h5 $$(call windows,$$*) $(SPLIT)/%/val.txt $(call settings,predict)
	$(call tool,va-predict) $(PREDICT_OPTIONS) -j $(THREADS) -m $< --windows $(call windows,$*) \
	    --list $(SPLIT)/$*/val.txt -o $@

# Baselines without memory, fitted on the same videos: a linear map from the features of one
# frame, and the mean of the labels.
baseline = $(call tool,va-ridge) --method $(1) --windows $(call windows,$*) \
               --train $(SPLIT)/$*/train.txt --val $(SPLIT)/$*/val.txt -o $@
$(CV)/%/ridge.h5: $$(call windows,$$*) $(SPLIT)/%/train.txt $(SPLIT)/%/val.txt $(call settings,ridge)
	@mkdir -p $(@D)
	$(call baseline,ridge)
$(CV)/%/mean.h5: $$(call windows,$$*) $(SPLIT)/%/train.txt $(SPLIT)/%/val.txt $(call settings,ridge)
	@mkdir -p $(@D)
	$(call baseline,mean)

# What is undefined for the mean predictor is nan in its table: nothing to warn of.
score = $(call tool,va-score) $(if $(filter mean.tsv,$(@F)),-q) $(LABELS:%=--labels %) --list $(SPLIT)/$*/val.txt $< >$(part) && $(put)
$(CV)/%/score.tsv: $(CV)/%/val.h5 $(SPLIT)/%/val.txt $(call settings,score)
	$(score)
$(CV)/%/ridge.tsv: $(CV)/%/ridge.h5 $(SPLIT)/%/val.txt $(call settings,score)
	$(score)
$(CV)/%/mean.tsv: $(CV)/%/mean.h5 $(SPLIT)/%/val.txt $(call settings,score)
	$(score)
$(CV)/%/alone.tsv: $(CV)/%/alone.h5 $(SPLIT)/%/val.txt $(call settings,score)
	$(score)

SCORES = $(FOLDS:%=$(CV)/%/score.tsv)
BASELINES += $(FOLDS:%=$(CV)/%/ridge.tsv) $(FOLDS:%=$(CV)/%/mean.tsv)
MODELS = $(FOLDS:%=$(CV)/%/model.h5)

report = $(call tool,va-fold) report --published $(PUBLISHED) --format $(1) $(BASELINES:%=--baseline %) $(SCORES) \
             >$(part) && $(put)
$(OUT)/table.txt: $(SCORES) $(BASELINES) $(call settings,report)
	$(call report,text)
$(OUT)/table.tsv: $(SCORES) $(BASELINES) $(call settings,report)
	$(call report,tsv)
$(OUT)/table.md: $(SCORES) $(BASELINES) $(call settings,report)
	$(call report,markdown)

# All folds that are in the folder.
$(OUT)/report.html: $(SCORES) $(BASELINES) $(call settings,report)
	$(call tool,va-report) --published $(PUBLISHED) $(LABELS:%=--labels %) $(LABEL_OPTIONS) -o $@ $(CV:%/cv=%)

.PHONY: cv show
cv: $(OUT)/table.txt $(OUT)/table.tsv $(OUT)/table.md $(OUT)/report.html
# For va-fold run: also where nothing was out of date.
show: cv
	@cat $(OUT)/table.txt
	@$(if $(QUIET),:,echo "  open $(OUT)/report.html in a browser" >&2)
$(call ours,$(SCORES) $(BASELINES) $(OUT)/table.txt $(OUT)/table.tsv $(OUT)/table.md)
$(call only_make)
