# Frames and features: one file per video and stage.
#
# Expects params.mk, ENCODER, and functions source(name): where the frames of a video are (a video file, a folder
# of crops or an archive of them), and held(name): the file or folder that this is in. A function frames(name), if there is one, gives options that
# say how many frames the video had. FRAMES may be a folder that several pipelines share.
FRAMES ?= $(OUT)/frames
SETTINGS_decode = $(DECODE_OPTIONS) $(CROPS) $(VIDEOS)
SETTINGS_embed  = $(EMBED_OPTIONS) $(if $(filter $(PRETRAINED),$(ENCODER)),$(ENCODER),$(call which,$(ENCODER))) $(FRAMES)
ifneq ($(FRAMES),$(OUT))
$(FRAMES)/.make/%: $$(call changed,$$@)
	$(stamp)
endif
$(FRAMES)/%.h5: $$(call held,$$*) $(FRAMES)/.make/decode
	@mkdir -p $(@D)
	$(call tool,va-decode) $(DECODE_OPTIONS) $(call frames,$*) -j $(THREADS) --name $* -o $@ $(call source,$*)

# $(eval $(call embed,DIR,ENCODER,NAMES)): the features DIR/<name>.h5 by ENCODER. EMBED_BATCH videos share a
# command, which opens the encoder once; those of them that are up to date are left out. What stands for the
# batch is as old as the newest file that it was made of, so that no features are older.
EMBED_BATCH ?= 8
$(call need_numbers,EMBED_BATCH)$(if $(shell [ '$(EMBED_BATCH)' -ge 1 ] 2>/dev/null && [ '$(EMBED_BATCH)' -le 100000 ] && echo yes),,\
    $(error EMBED_BATCH=$(EMBED_BATCH): expected a number from 1 to 100000))
stale = for v in $(1); do f=$(@D:%/.batch=%)/$$v.h5; \
    for from in $(FRAMES)/$$v.h5 $(filter-out $(FRAMES)/%.h5 FORCE,$^); do \
        if [ ! -e "$$f" ] || [ "$$from" -nt "$$f" ]; then echo "$(FRAMES)/$$v.h5"; break; fi; done; done
lacking = $(if $(filter-out $(wildcard $(1)),$(1)),FORCE)
first   = $(wordlist 1,$(EMBED_BATCH),$(1))
others  = $(wordlist $(words x $(call first,$(1))),$(words $(1)),$(1))

# DIR, ENCODER, NAMES
define embed_batch
BATCHES += $(1)/.batch/$(firstword $(3))
$(1)/.batch/$(firstword $(3)): $(3:%=$(FRAMES)/%.h5) $(2) $(call settings,embed) $(call lacking,$(3:%=$(1)/%.h5))
	@mkdir -p $$(@D)
	$$(if $$(V),,@)set -- $$$$($$(call stale,$(3))); [ $$$$# = 0 ] || { $$(call told,va-embed) \
	    $$(EMBED_OPTIONS) -j $$(THREADS) -w $(2) --output-dir $(1) "$$$$@"; } && \
	    touch -r "$$$$(ls -t $$(filter-out FORCE,$$^) | head -n 1)" $$@
$(3:%=$(1)/%.h5): $(1)/.batch/$(firstword $(3)) ;

endef
embed = $(if $(3),$(call embed_batch,$(1),$(2),$(call first,$(3)))$(call embed,$(1),$(2),$(call others,$(3))))
