# The GPU's library (cuda/va_cuda.h): by nvcc for tools, and by the C++ compiler over the host executor for tests.
# Code for sm_80 runs on sm_86 and sm_89 too, that for sm_90 is there as PTX as well, for what comes after.
NVCC     ?= $(shell command -v nvcc 2>/dev/null)
NVCC_ARCHS ?= 80 90
CUDA_SRC := $(wildcard cuda/*.cu) $(wildcard cuda/*.cc)
CUDA_LIB  = $(BUILD)/lib/libvacuda.so
EMU_LIB   = $(BUILD)/test/libvacuda_emu.so
CUDA_STATE := $(if $(NVCC),on: nvcc $(shell $(NVCC) --version 2>/dev/null | sed -n 's/.*release \([0-9.]*\).*/\1/p') for $(NVCC_ARCHS:%=sm_%),off: nvcc not found)

ifeq ($(origin CXX),default)
CXX = g++
endif
CUDA_FLAGS = -std=c++20 $(OPT) -Icommon -I.
CUDA_WARN  = -Wall -Wextra -Wno-unknown-pragmas -Wno-missing-field-initializers $(if $(filter 1,$(DEVELOPER)),-Werror)
EMU_OBJ    = $(patsubst %,$(BUILD)/%.emu.o,$(filter-out %_cuda.cu %_lt.cc,$(CUDA_SRC)))
NVCC_OBJ   = $(patsubst %,$(BUILD)/%.o,$(filter-out %_emu.cc %/va_emu.cc,$(CUDA_SRC)))
# What it needs of the host's C++ is in no library.
HOST_FLAGS = -fPIC -fvisibility=hidden -fno-exceptions -fno-rtti -fno-threadsafe-statics

$(BUILD)/%.emu.o: % $(BUILD)/flags
	@mkdir -p $(@D)
	$(SAY) "  CXX   $< (executor)"
	$(Q)$(CXX) $(CUDA_FLAGS) $(CUDA_WARN) $(HOST_FLAGS) $(SANFLAGS) -MMD -MP -c -o $@ -x c++ $<
$(EMU_LIB): $(EMU_OBJ)
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(CXX) $(SANFLAGS) -shared -o $@ $^ -lm

$(BUILD)/cuda/%.o: cuda/% $(BUILD)/flags
	@mkdir -p $(@D)
	$(SAY) "  NVCC  $<"
	$(Q)$(NVCC) $(CUDA_FLAGS) -lineinfo $(HOST_FLAGS:%=-Xcompiler %) $(foreach a,$(NVCC_ARCHS),-gencode arch=compute_$(a),code=sm_$(a)) \
	    -gencode arch=compute_$(lastword $(NVCC_ARCHS)),code=compute_$(lastword $(NVCC_ARCHS)) \
	    -MMD -MP -c -o $@ -x cu $<
$(CUDA_LIB): $(NVCC_OBJ)
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(NVCC) -shared -cudart static -Xcompiler -fPIC -Xlinker --exclude-libs,ALL -o $@ $^
