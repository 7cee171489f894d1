# How tests are run; the Makefile says what they are made of. make help lists the goals.
check: all $(BENCHES) $(UNITS) $(GENS) $(SHIMS) $(FUZZ) $(LATE) $(EMU_LIBS) $(EMU_MISTAKES)
	@BUILD=$(BUILD) test/run.sh
bench: $(BENCHES) $(BUILD)/bin/va-check
	@BUILD=$(BUILD) PEERS="$(PEERS)" PEER_SCRIPTS="$(PEER_SCRIPTS)" test/bench/run.sh
check-unit: $(UNITS) $(GENS)
	@BUILD=$(BUILD) test/run.sh unit
check-tools: all $(BENCHES) $(GENS) $(SHIMS) $(FUZZ) $(LATE) $(EMU_LIBS) $(EMU_MISTAKES)
	@BUILD=$(BUILD) test/run.sh tools

# Races between the threads of kernels, by the sanitizer of threads; some minutes. And who notices that a barrier is
# taken out of a kernel: longer.
check-race: $(UNITS) $(BUILD)/emu/race/libvacuda.so
	@BUILD=$(BUILD) test/cuda/race.sh
check-barriers: $(UNITS) $(EMU_LIBS) $(BUILD)/emu/race/libvacuda.so
	@BUILD=$(BUILD) test/cuda/barriers.sh

# What a power cut leaves must not matter.
kill: all
	@BUILD=$(BUILD) test/kill.sh $(call quoted,$(or $(N),200))
# Faults are injected, and a camera is played, by libraries of their own, which know nothing of ours.
$(SHIMS): $(BUILD)/%.so: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(CC) $(CSTD) -D_GNU_SOURCE -U_FORTIFY_SOURCE $(OPT) $(WARN) -fPIC -shared -o $@ $< -ldl -pthread
fault: all $(GENS) $(SHIMS)
	@BUILD=$(BUILD) test/fault/run.sh

# Fuzzing has its own build, with clang: all targets or TARGET, SECONDS each.
FUZZ_CC ?= clang
SECONDS ?= 60
.PHONY: fuzz fuzz-build
fuzz: all $(GENS)
	@command -v $(firstword $(FUZZ_CC)) >/dev/null || \
	    { echo "fuzz: needs clang with libFuzzer: make deps WITH=fuzz" >&2; exit 1; }
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/fuzz CC="$(FUZZ_CC)" OPT="-O1 -g" MPI=no DEVELOPER= \
	    SANITIZE=fuzzer-no-link,address,undefined FUZZER=-fsanitize=fuzzer fuzz-build
	@BUILD=$(BUILD) test/fuzz/run.sh $(SECONDS) $(or $(TARGET),$(FUZZ_SRC:test/fuzz/%.c=%))
fuzz-build: $(FUZZ)
