# Frames and features: one file per video and stage.
#
# Expects params.mk, ENCODER, and a function source(name): where the frames of a video are (a
# video file or a folder of crops). A function frames(name), if there is one, gives options that
# say how many frames the video had. FRAMES may be a folder that several pipelines share.
FRAMES ?= $(OUT)/frames
SETTINGS_decode = $(DECODE_OPTIONS) $(CROPS) $(VIDEOS)
SETTINGS_embed  = $(EMBED_OPTIONS) $(ENCODER) $(FRAMES)
ifneq ($(FRAMES),$(OUT))
$(FRAMES)/.make/%: $$(call changed,$$@)
	$(stamp)
endif
$(FRAMES)/%.h5: $$(call source,$$*) $(FRAMES)/.make/decode
	@mkdir -p $(@D)
	$(call tool,va-decode) $(DECODE_OPTIONS) $(call frames,$*) -j $(THREADS) --name $* -o $@ $<

$(OUT)/features/%.h5: $(FRAMES)/%.h5 $(ENCODER) $(call settings,embed)
	@mkdir -p $(@D)
	$(call tool,va-embed) $(EMBED_OPTIONS) -j $(THREADS) -w $(ENCODER) -o $@ $<
