# How tests are run; the Makefile says what they are made of. make help lists the goals.
check: all $(BENCHES) $(UNITS) $(GENS) $(SHIMS) $(FUZZ) $(LATE) $(EMU_LIBS) $(EMU_MISTAKES) $(BUILD)/test/cuda/predict
	@BUILD=$(BUILD) test/run.sh
bench: $(BENCHES) $(BUILD)/bin/va-check
	@BUILD=$(BUILD) PEERS="$(PEERS)" PEER_SCRIPTS="$(PEER_SCRIPTS)" test/bench/run.sh
check-unit: $(UNITS) $(GENS)
	@BUILD=$(BUILD) EMULATOR=$(call quoted,$(EMULATOR)) test/run.sh unit
check-tools: all $(BENCHES) $(GENS) $(SHIMS) $(FUZZ) $(LATE) $(EMU_LIBS) $(EMU_MISTAKES) $(BUILD)/test/cuda/predict
	@BUILD=$(BUILD) test/run.sh tools

# The pipelines on a Slurm of several nodes, as root; nothing of it stays. DEMO=yes: the whole demo, which takes longer.
.PHONY: check-slurm
check-slurm: all $(GENS)
	@BUILD=$(BUILD) test/slurm/inside.sh test/run.sh test/slurm/$(if $(filter yes,$(DEMO)),demo,slurm).bats

# Races between the threads of kernels, by the sanitizer of threads; some minutes. And who notices that a barrier is
# taken out of a kernel: longer.
check-race: $(UNITS) $(BUILD)/emu/race/libvacuda.so
	@BUILD=$(BUILD) test/cuda/race.sh
check-barriers: $(UNITS) $(EMU_LIBS) $(BUILD)/emu/race/libvacuda.so
	@BUILD=$(BUILD) test/cuda/barriers.sh

# One folder that a machine with a GPU needs: tests, benchmarks, the library, a few tools, and the libraries of this
# system that they use. test/gpu/on-gpu.sh says what is done there.
KIT       = $(BUILD)/gpu-kit
KIT_UNITS = test_ops test_ops_products test_ops_time test_ops_pictures test_bf16 test_block test_int8 test_ops_same test_golden_ops \
            test_golden_temporal test_mae test_vit test_yunet
KIT_BENCH = vit temporal scan encoder
KIT_TOOLS = va-tcn-mamba-train va-weights va-window va-h5cmp
KIT_GENS  = make_features make_labels
KIT_GOALS = $(KIT_UNITS:%=test/unit/%) $(KIT_BENCH:%=test/bench/%) $(KIT_GENS:%=test/gen/%) $(KIT_TOOLS:%=bin/%)
.PHONY: gpu-kit
gpu-kit: $(CUDA_LIB)
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/gpu MPI=no CAIRO=no CAMERA=no LDFLAGS="-Wl,--as-needed -s" \
	    $(KIT_GOALS:%=$(BUILD)/gpu/%)
	@test/gpu/kit.sh $(KIT) $(CUDA_LIB) $(KIT_GOALS:%=$(BUILD)/gpu/%)

# What a packager and the user of a package do, in roots of Debian.
.PHONY: check-package
check-package:
	@BUILD=$(BUILD) test/package/check.sh
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

# How stages grow, up to a hundred thousand videos and a video of ten million frames; minutes, and 2 GB in TMPDIR.
.PHONY: scale
scale: all $(GENS)
	@BUILD=$(BUILD) test/scale/run.sh

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
