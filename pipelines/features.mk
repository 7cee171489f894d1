# Frames and features: one file per video and stage.
#
# Expects params.mk, ENCODER, and a function source(name): where the frames of a video are (a
# video file or a folder of crops).
$(OUT)/frames/%.h5: $$(call source,$$*)
	@mkdir -p $(@D)
	$(call tool,va-decode) $(DECODE_OPTIONS) -j $(THREADS) --name $* -o $@ $<

$(OUT)/features/%.h5: $(OUT)/frames/%.h5 $(ENCODER)
	@mkdir -p $(@D)
	$(call tool,va-embed) $(EMBED_OPTIONS) -j $(THREADS) -w $(ENCODER) -o $@ $<
