# The GPU's library (cuda/va_cuda.h): by nvcc for tools, and by the C++ compiler over the host executor for tests.
# Code for sm_80 runs on sm_86 and sm_89 too, that for sm_90 is there as PTX as well, for what comes after.
# CUDA=no leaves it out, CUDA=yes says that it must be there, CUDA=/path/nvcc which compiler. Asked at first use, as MPI.
NVCC_ARCHS ?= 80 90
cuda        = $(shell ./nvcc.sh $(1) $(call quoted,$(CUDA)) $(call quoted,$(BUILD)))
CUDA_STATE  = $(eval CUDA_STATE := $(call needed,$(call cuda,state)))$(CUDA_STATE)
NVCC        = $(eval NVCC := $(call cuda,path))$(NVCC)
CUDA_SRC := $(wildcard cuda/*.cu) $(wildcard cuda/*.cc)
CUDA_LIB  = $(BUILD)/lib/libvacuda.so

ifeq ($(origin CXX),default)
CXX = g++
endif
CUDA_FLAGS = -std=c++20 $(OPT) -Icommon -I.
CUDA_WARN  = -Wall -Wextra -Wno-unknown-pragmas -Wno-missing-field-initializers -Wno-maybe-uninitialized $(if $(filter 1,$(DEVELOPER)),-Werror)
NVCC_OBJ   = $(patsubst %,$(BUILD)/%.o,$(filter-out %_emu.cc %/va_emu.cc,$(CUDA_SRC)))
# What it needs of the host's C++ is in no library.
HOST_FLAGS = -fPIC -fvisibility=hidden -fno-exceptions -fno-rtti -fno-threadsafe-statics

# Stamps that change when a compiler or a flag does, as $(BUILD)/flags.
NVCC_NOW = $(NVCC) $(NVCC_ARCHS) $(CUDA_FLAGS) $(HOST_FLAGS)
CXX_NOW  = $(CXX) $(CUDA_FLAGS) $(CUDA_WARN) $(HOST_FLAGS) 
$(BUILD)/cuda/flags.nvcc: FORCE
	@mkdir -p $(@D)
	@echo $(call quoted,$(NVCC_NOW)) | cmp -s - $@ || echo $(call quoted,$(NVCC_NOW)) >$@
$(BUILD)/cuda/flags.cxx: FORCE
	@mkdir -p $(@D)
	@echo $(call quoted,$(CXX_NOW)) | cmp -s - $@ || echo $(call quoted,$(CXX_NOW)) >$@

# The executor, three times: as it is, and for sanitizers, which are loaded into a program before it (test/cuda.bats).
# What it hands from lane to lane is no shared memory, so it is not itself looked at for races.
EMU_plain =
EMU_asan  = -fsanitize=address,undefined -fno-sanitize-recover=undefined -O1
EMU_race  = -fsanitize=thread -O1
define EMU_RULES
EMU_OBJ_$(1) := $(patsubst %,$(BUILD)/emu/$(1)/%.o,$(filter-out %_cuda.cu,$(CUDA_SRC)))
$(BUILD)/emu/$(1)/%.o: % $(BUILD)/cuda/flags.cxx
	@mkdir -p $$(@D)
	$$(SAY) "  CXX   $$< ($(1))"
	$$(Q)$$(CXX) $$(CUDA_FLAGS) $$(CUDA_WARN) $$(HOST_FLAGS) $(EMU_$(1)) -MMD -MP -c -o $$@ -x c++ $$<
$(BUILD)/emu/$(1)/cuda/va_emu.cc.o: cuda/va_emu.cc $(BUILD)/cuda/flags.cxx
	@mkdir -p $$(@D)
	$$(SAY) "  CXX   $$< ($(1))"
	$$(Q)$$(CXX) $$(CUDA_FLAGS) $$(CUDA_WARN) $$(HOST_FLAGS) $(if $(filter race,$(1)),-DVA_EMU_RACE,$(EMU_$(1))) -MMD -MP -c -o $$@ -x c++ $$<
$(BUILD)/emu/$(1)/libvacuda.so: $$(EMU_OBJ_$(1))
	$$(SAY) "  LINK  $$@"
	$$(Q)$$(CXX) $(EMU_$(1)) -shared -o $$@ $$^ -lm -ldl
$(BUILD)/emu/$(1)/mistakes: $(BUILD)/emu/$(1)/test/cuda/mistakes.cu.o $(BUILD)/emu/$(1)/cuda/va_emu.cc.o
	$$(SAY) "  LINK  $$@"
	$$(Q)$$(CXX) $(EMU_$(1)) -o $$@ $$^ -lm
-include $(wildcard $(BUILD)/emu/$(1)/*/*.d $(BUILD)/emu/$(1)/*/*/*.d)
endef
$(foreach v,plain asan race,$(eval $(call EMU_RULES,$(v))))
EMU_LIBS     = $(BUILD)/emu/plain/libvacuda.so $(BUILD)/emu/asan/libvacuda.so $(BUILD)/emu/libnccl.so.2 $(BUILD)/emu/libcublasLt.so
EMU_MISTAKES = $(foreach v,plain asan race,$(BUILD)/emu/$(v)/mistakes)

# What stands in for NVIDIA's libraries beside the executor.
$(BUILD)/emu/libnccl.so.2: test/cuda/nccl.c cuda/va_nccl_facts.h
$(BUILD)/emu/libcublasLt.so: test/cuda/lt.c cuda/va_lt_facts.h
$(BUILD)/emu/libnccl.so.2 $(BUILD)/emu/libcublasLt.so: $(BUILD)/flags
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(CC) $(CPPFLAGS) $(CSTD) $(OPT) $(WARN) -fPIC -shared -o $@ $(filter %.c,$^) -lrt -lm

$(BUILD)/cuda/%.o: cuda/% $(BUILD)/cuda/flags.nvcc cuda/rules.mk
	@mkdir -p $(@D)
	$(SAY) "  NVCC  $<"
	$(Q)$(NVCC) $(CUDA_FLAGS) -lineinfo -Xptxas -v $(HOST_FLAGS:%=-Xcompiler %) $(foreach a,$(NVCC_ARCHS),-gencode arch=compute_$(a),code=sm_$(a)) \
	    -gencode arch=compute_$(lastword $(NVCC_ARCHS)),code=compute_$(lastword $(NVCC_ARCHS)) \
	    -MMD -MP -c -o $@ -x cu $< 2>$(@:.o=.ptxas) || { cat $(@:.o=.ptxas) >&2; exit 1; }
	@! grep -A3 -E 'warning|error' $(@:.o=.ptxas) >&2
# What PyPI has lies in lib, not lib64.
$(CUDA_LIB): $(NVCC_OBJ)
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(NVCC) -L$(dir $(realpath $(NVCC)))../lib -shared -cudart static -Xcompiler -fPIC -Xlinker --exclude-libs,ALL -o $@ $^ -ldl

# What each kernel takes of a multiprocessor, as the compiler says; what the disassembly says of its loops, where there is
# one, and times of models predicted from that. No GPU is asked: the executor says how kernels are launched.
REPORT_UNITS = $(patsubst %,$(BUILD)/test/unit/%,test_ops test_ops_products test_ops_time test_ops_pictures test_bf16 test_block test_int8)
.PHONY: cuda-report
cuda-report: $(CUDA_LIB) $(BUILD)/emu/plain/libvacuda.so $(REPORT_UNITS) $(BUILD)/test/cuda/predict
	@rm -f $(BUILD)/cuda/launches
	@for u in $(REPORT_UNITS); do VA_CUDA=$(BUILD)/emu/plain/libvacuda.so VA_TEST_DEVICE=cuda \
	    VA_EMU_LAUNCHES=$(BUILD)/cuda/launches $$u >/dev/null || exit 1; done
	@test/cuda/sass.sh $(CUDA_LIB) sm_$(lastword $(NVCC_ARCHS)) $(NVCC) >$(BUILD)/cuda/sass.tsv || :
	@test/cuda/report.sh $(BUILD) $(NVCC_OBJ:.o=.ptxas)
	@[ ! -s $(BUILD)/cuda/sass.tsv ] || $(BUILD)/test/cuda/predict $(BUILD)/cuda/sass.tsv
