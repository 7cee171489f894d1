# Labelled videos -> frames, features, windows, lists of folds, and the table of their cross-validation.
#
# Expects params.mk and
#   LABELS       folders with the label files; LABELS_BY: which variables say so, for messages
#   FEATURES, or ENCODER and CROPS or VIDEOS; TUNE, FRAMES, FOLDS_TSV   as for affwild2.mk
#   split_from   options of va-fold split; FOLDS_THERE: numbers of the folds that it makes; split_note: a line
#                to say before
#   TEST         further videos, without labels
$(call apart,FEATURES LABELS CROPS VIDEOS FRAMES ROOT)
LABEL_FILES := $(sort $(call names,files .txt $(LABELS)))
LABELLED    := $(sort $(call names,labelled $(LABELS)))
$(if $(LABELLED),,$(error no label files in $(LABELS): set $(LABELS_BY)))
$(if $(ENCODER)$(FEATURES),,$(error set ENCODER, or FEATURES to use ready-made features))
$(if $(filter-out yes no,$(TUNE)),$(error TUNE=$(TUNE): expected yes or no))
override TUNE := $(filter yes,$(TUNE))
$(if $(FEATURES),,$(foreach f,$(ENCODER),$(if $(wildcard $(f)),,$(error $(f): no such file: set ENCODER to a file that exists))))
$(foreach f,$(FOLDS_TSV),$(if $(wildcard $(f)),,$(error $(f): no such file: set FOLDS_TSV to a file that exists)))
$(if $(TUNE),$(if $(FEATURES),$(error TUNE needs ENCODER and frames, not FEATURES)))
$(call need_folds,$(FOLDS_THERE))

FEATURE_DIR = $(if $(FEATURES),$(FEATURES),$(OUT)/features)
WINDOWS     = $(OUT)/windows.h5
WINDOW_FILES = $(WINDOWS)
SPLIT       = $(OUT)/folds

.PHONY: all frames features windows
all: cv
frames: $$(patsubst %,$$(FRAMES)/%.h5,$$(LABELLED) $$(TEST))
features: $(LABELLED:%=$(FEATURE_DIR)/%.h5) $(TEST:%=$(FEATURE_DIR)/%.h5)
windows: $$(WINDOW_FILES)

# ---- frames and features: crops where there are any, else the video ---------------------------
# CROPS may lie in an archive, of which make sees the file alone: all videos are then taken to be in it.
ARCHIVE  := $(filter %.zip,$(firstword $(subst .zip/,.zip ,$(CROPS)/)))
ARCHIVE  := $(if $(wildcard $(ARCHIVE)/.),,$(ARCHIVE))
$(if $(FEATURES),,$(if $(filter CROPS,$(GIVEN)),$(foreach f,$(or $(ARCHIVE),$(CROPS)),$(if $(wildcard $(f)),,\
    $(error CROPS: $(f): no such folder or archive (CROPS= takes videos alone))))))
crops_of  = $(if $(ARCHIVE),$(if $(wildcard $(ARCHIVE)),$(CROPS)/$(1)),$(if $(CROPS),$(firstword $(wildcard $(CROPS)/$(1) $(CROPS)/$(1).zip))))
CONTAINERS = mp4 avi mov mkv webm m4v mpg mts MP4 AVI MOV MKV MTS
videos_of = $(wildcard $(CONTAINERS:%=$(VIDEOS)/$(1).%))
source    = $(firstword $(crops_of) $(videos_of) $(CROPS)/$(1))
held      = $(if $(and $(ARCHIVE),$(crops_of)),$(ARCHIVE),$(source))
$(if $(FEATURES),,$(foreach v,$(LABELLED) $(TEST),$(if $(call crops_of,$(v)),,$(if $(word 2,$(call videos_of,$(v))),\
    $(error two videos for the name $(v): $(call videos_of,$(v)))))))
there = $(if $(FEATURES),$(wildcard $(FEATURES)/$(1).h5),$(crops_of)$(videos_of))
$(foreach v,$(LABELLED) $(TEST),$(if $(call there,$(v)),,$(error found no $(if $(FEATURES),features,crops or video) of $(v): \
    expected $(if $(FEATURES),$(FEATURES)/$(v).h5,$(CROPS:%=%/$(v), )$(VIDEOS)/$(v).mp4 or .avi, .mov, .mkv))))
include $(HERE)features.mk
$(if $(FEATURES),,$(eval $(call embed,$(OUT)/features,$(ENCODER),$(LABELLED) $(filter-out $(LABELLED),$(TEST)))))
$(call claim_at,$(FRAMES)/.make/decode,$(patsubst %,$(FRAMES)/%.h5,$(LABELLED) $(TEST)))
$(if $(FEATURES),,$(call claim,embed,$(patsubst %,$(OUT)/features/%.h5,$(LABELLED) $(TEST))))

# ---- windows and folds ----------------------------------------------------------------------
SETTINGS_windows = $(WINDOW_OPTIONS) $(LABEL_OPTIONS) $(LABELS) $(LABELLED:%=$(FEATURE_DIR)/%.h5)
SETTINGS_split   = $(SPLIT_OPTIONS) $(split_from) $(LABELLED)
$(call ours,$(OUT)/windows.tsv)
$(call claim,windows,$(WINDOWS))
$(WINDOWS): $(LABELLED:%=$(FEATURE_DIR)/%.h5) $(LABEL_FILES) $(call settings,windows)
	@mkdir -p $(@D)
	$(call make_windows,$(call files,$(LABELLED:%=$(FEATURE_DIR)/%.h5)),$(OUT))

# Folds that cannot be are refused before videos are decoded. Of a phony target make asks once, of others on each way to them.
LISTS = $(foreach k,$(FOLDS),$(SPLIT)/$(k)/train.txt $(SPLIT)/$(k)/val.txt)
.PHONY: drawn
drawn: $(LISTS)
$(if $(FEATURES),,$(LABELLED:%=$(FRAMES)/%.h5)): | drawn
$(LISTS) &: $(LABEL_FILES) $(FOLDS_TSV) $(GROUPS_TSV) $(call settings,split)
	@$(if $(QUIET),,$(if $(split_note),echo "  $(split_note)" >&2))
	$(call tool,va-fold) split $(SPLIT_OPTIONS) $(split_from) -o $(SPLIT)

CV = $(OUT)/cv
ifdef TUNE
include $(HERE)tune.mk
endif
include $(HERE)cv.mk
include $(HERE)jobs.mk
