# An encoder for each fold, fine-tuned on that fold's training videos alone, and what follows from it.
#
# Expects params.mk, ENCODER, FRAMES, LABELS, LABELLED, TEST, SPLIT and CV. Makes of each fold k, in $(CV)/<k>:
#   encoder.h5            ENCODER, fine-tuned
#   features/<video>.h5   of all videos, by that encoder
#   windows.h5            of the labelled ones
#   alone.tsv             what it says by itself of each held-out frame, smoothed: its score
frames_of = $(1:%=$(FRAMES)/%.h5)
windows = $(CV)/$(1)/windows.h5
SETTINGS_finetune = $(FINETUNE_OPTIONS) $(SEED) $(ENCODER) $(FRAMES) $(LABEL_OPTIONS) $(LABELS) $(LABELLED)
SETTINGS_smooth   = $(SMOOTH_OPTIONS) $(LABEL_OPTIONS) $(LABELS)
$(call ours,$(FOLDS:%=$(CV)/%/windows.tsv))
$(call claim,finetune,$(FOLDS:%=$(CV)/%/encoder.h5))
$(call claim,smooth,$(FOLDS:%=$(CV)/%/alone.h5))
WINDOW_FILES = $(foreach k,$(FOLDS),$(call windows,$(k)))

$(CV)/%/encoder.h5: $(ENCODER) $$(call frames_of,$$(LABELLED)) $(LABEL_FILES) $(SPLIT)/%/train.txt $(SPLIT)/%/val.txt $(call settings,finetune)
	@mkdir -p $(@D)
	$(call tool,va-finetune) $(FINETUNE_OPTIONS) --seed $(SEED) -j $(THREADS) --resume -w $< $(LABELS:%=--labels %) \
	    --train $(SPLIT)/$*/train.txt --val $(SPLIT)/$*/val.txt --log-dir $(@D)/tuning -o $@ \
	    $(call files,$(call frames_of,$(LABELLED)))

define FOLD_RULES
$(CV)/$(1)/windows.h5: $(LABELLED:%=$(CV)/$(1)/features/%.h5) $(LABEL_FILES) $(call settings,windows)
	$$(call make_windows,$$(call files,$(LABELLED:%=$(CV)/$(1)/features/%.h5)),$$(@D))
endef
$(foreach k,$(FOLDS),$(eval $(call FOLD_RULES,$(k)))$(eval $(call embed,$(CV)/$(k)/features,$(CV)/$(k)/encoder.h5,$(LABELLED) $(filter-out $(LABELLED),$(TEST)))))

# ---- the encoder alone --------------------------------------------------------------------------
$(CV)/%/alone.h5: $(CV)/%/encoder.h5 $(SPLIT)/%/val.txt $(call settings,smooth)
	@sed 's|.*|$(FRAMES)/&.h5|' $(SPLIT)/$*/val.txt >$(part).list
	$(call tool,va-predict) --clip no $(LABELS:%=--labels %) -j $(THREADS) -m $< -o $(part) --files-from $(part).list && \
	    $(call plain,va-smooth) $(SMOOTH_OPTIONS) -o $@ $(part) && rm $(part) $(part).list
BASELINES += $(FOLDS:%=$(CV)/%/alone.tsv)

# ---- the test set: each fold's model on its own features, then their mean -----------------------
TEST_OF = $(FOLDS:%=$(CV)/%/test.h5)
$(TEST_OF): $(CV)/%/test.h5: $(CV)/%/model.h5 $$(addprefix $(CV)/$$*/features/,$$(addsuffix .h5,$$(TEST))) $(call settings,test)
	$(call tool,va-predict) $(PREDICT_OPTIONS) -j $(THREADS) -m $< -o $@ $(call files,$(TEST:%=$(@D)/features/%.h5))
$(OUT)/test.h5: $(TEST_OF) $(call settings,test)
	$(call tool,va-ensemble) $(quiet) -o $@ $(TEST_OF)
