# mamba-va: make help says what can be made. Settings of one machine go to config.mk.
#
# One non-recursive Makefile. Sources are found by folder: a .c in tools/ is a program, one in
# tools/x/ a part of va-x, one in common/ is in the library, one in test/unit/ is a unit test, one in
# test/gen/ makes inputs for tests. Objects follow their sources below build/.
-include config.mk

PREFIX ?= /usr/local
# GNU's names on the command line: two have a meaning here, the others would silently do nothing.
named = $(filter command,$(firstword $(origin $(1))))
$(if $(call named,prefix),$(eval PREFIX := $$(prefix)))
$(if $(call named,libdir),$(eval LIBDIR := $$(libdir)))
$(foreach v,exec_prefix bindir sbindir libexecdir datarootdir datadir mandir man1dir man3dir man5dir man7dir includedir \
    docdir infodir sysconfdir localstatedir sharedstatedir destdir,$(if $(call named,$v),\
    $(error $v: this Makefile does not have it; PREFIX (prefix), LIBDIR (libdir), ZSH_SITE and DESTDIR say where things go)))
BUILD  ?= build
ifeq ($(origin CC),default)
CC = gcc
endif
MAKEFLAGS += --no-builtin-rules
# $(call quoted,TEXT): one word of a shell command, whatever it holds.
quoted = '$(subst ','\'',$(1))'
c_string = $(subst ",\",$(subst \,\\,$(1)))
Q   = $(if $(V),,@)
SAY = @$(if $(V),:,echo)
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

# ---- flags ------------------------------------------------------------------------------
OPT      ?= -O2 -g
CSTD      = -std=c11 -ffp-contract=off -D_GNU_SOURCE
WARN      = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
            -Wwrite-strings -Wvla -Wformat=2 -Wno-format-nonliteral
ifeq ($(DEVELOPER),1)
WARN     += -Werror
endif
ifdef SANITIZE
SANFLAGS  = -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all
endif

# Where a system names them otherwise: config.mk.
PKGS     ?= hdf5-serial libavformat libavcodec libswscale libswresample libavutil libturbojpeg jansson libzip
# Asked at first use, not when make starts: "make deps demo" installs pkg-config before that.
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $(shell pkg-config --libs $(PKGS)))$(PKG_LIBS)
CPPFLAGS += -Icommon -I. -I$(BUILD) $(PKG_CFLAGS)
# Objects fit into programs and into libmamba_va.so (lib/rules.mk), which shows none of their names.
ALL_CFLAGS = $(CSTD) $(OPT) $(WARN) -pthread -fPIC -fvisibility=hidden $(SANFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pthread $(SANFLAGS) $(LDFLAGS)
HDF5_LIB ?= -lhdf5_serial
LIBS      = $(PKG_LIBS) $(HDF5_LIB) -lz -ldl -lm $(MPI_LIBS) $(CAIRO_LIBS) $(CAMERA_LIBS)

# Optional libraries: without them everything else works.
include common/optional.mk

# CUDA is optional: without nvcc everything else works.
include cuda/rules.mk

# ---- what there is ----------------------------------------------------------------------
LIB_SRC  := $(wildcard common/*/*.c)
TOOL_SRC := $(wildcard tools/*.c)
PART_SRC := $(wildcard tools/*/*.c)
UNIT_SRC := $(wildcard test/unit/*.c)
GEN_SRC  := $(wildcard test/gen/*.c)
FUZZ_SRC := $(wildcard test/fuzz/*.c)
FUZZ_LIB := $(wildcard test/fuzz/lib/*.c)
HEADERS  := $(wildcard common/*/*.h lib/*.h tools/*/*.h test/*.h test/*/*.h)
CUDA_H   := $(wildcard cuda/*.h)
SCHEMAS  := $(wildcard schemas/*.md)
BATS     := $(wildcard test/*.bats test/slurm/*.bats)
SCRIPTS  := .ci/run contrib/folds.sbatch debian/postrm debian/tests/library deps.sh dist.sh fetch.sh mpi.sh nvcc.sh $(wildcard test/*.sh test/*/*.sh doc/*.sh pipelines/*.sh)

TOOLS := $(TOOL_SRC:tools/%.c=$(BUILD)/bin/%)
BENCH_SRC := $(wildcard test/bench/*.c)
BENCHES := $(BENCH_SRC:test/bench/%.c=$(BUILD)/test/bench/%)
UNITS := $(UNIT_SRC:test/unit/%.c=$(BUILD)/test/unit/%)
GENS  := $(GEN_SRC:test/gen/%.c=$(BUILD)/test/gen/%)
LATE  := $(TOOL_SRC:tools/%.c=$(BUILD)/test/late/bin/%)
SHIMS := $(BUILD)/test/fault/fault.so $(BUILD)/test/camera/camera.so
FUZZ  := $(FUZZ_SRC:test/fuzz/%.c=$(BUILD)/test/fuzz/%)
LIB    = $(BUILD)/libvacommon.a

# Files whose loops are the program's speed are compiled once per instruction set (base/va_level.h); va_cpu_isa() picks one at run time.
HOT_SRC  := $(wildcard common/*/hot/*.c)
ifneq ($(filter x86_64-%,$(shell $(CC) -dumpmachine)),)
HOT_LEVELS = plain avx2 avx512
else
HOT_LEVELS = plain
endif
HOT_plain  =
HOT_avx2   = -mavx2 -mfma
HOT_avx512 = -mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma -mprefer-vector-width=512
HOT_OBJ := $(foreach l,$(HOT_LEVELS),$(HOT_SRC:%.c=$(BUILD)/%.$(l).o))

# One of two is compiled, as va_comm_ranks.o, va_cairo_here.o, va_camera_here.o and va_ort_here.o: which one, is
# known when it is.
COMM_SRC := common/comm/va_comm_one.c common/comm/va_comm_mpi.c
CAIRO_SRC := common/plot/va_cairo_off.c common/plot/va_cairo_on.c
CAMERA_SRC := common/media/va_camera_off.c common/media/va_camera_on.c
ONNX_SRC := common/jobs/va_ort_off.c common/jobs/va_ort_on.c
LIB_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(COMM_SRC) $(CAIRO_SRC) $(CAMERA_SRC) $(ONNX_SRC),$(LIB_SRC))) \
           $(BUILD)/common/comm/va_comm_ranks.o $(BUILD)/common/plot/va_cairo_here.o \
           $(BUILD)/common/media/va_camera_here.o $(BUILD)/common/jobs/va_ort_here.o $(BUILD)/va_page_text.o \
           $(BUILD)/va_schema_tables.o $(BUILD)/va_devices.o $(HOT_OBJ)
# Kinds of devices that tools compute on, best first (ops/va_device.h).
DEVICES  := cuda cpu

.PHONY: all help deps weights bench check check-unit check-tools check-headers check-layers lint format demo kill fault \
        install uninstall dist clean FORCE
all: $(TOOLS) man completion weights cuda
	@echo $(call quoted,cuda $(CUDA_STATE))
	@echo $(call quoted,mpi $(MPI_STATE))
	@echo $(call quoted,png $(CAIRO_STATE))
	@echo $(call quoted,camera $(CAMERA_STATE))
	@echo $(call quoted,onnx $(ONNX_STATE))
	@[ -f $(BUILD)/share/mamba-va/yunet.h5 ] && echo "faces on" || echo "faces off: no weights of the detector (make deps WITH=faces)"
	@[ -f $(BUILD)/share/mamba-va/starter.h5 ] && echo "starter on" || echo "starter off: no starter model (make deps WITH=starter)"

help:
	@sed -n 's/^## //p' $(firstword $(MAKEFILE_LIST))

## make                 build the tools into build/bin
## make deps            install what Debian packages provide (sudo where needed)
## make check           unit tests, tools, headers, layers; ends with a count
## make bench           time the hot paths (doc/performance.md)
## make check-unit      unit tests only        make check-tools   bats only
## make cuda-report     registers, memory and loops of each kernel of the GPU; predicted times
## make check-lib-race  four threads in libmamba_va under valgrind and the sanitizer of threads
## make check-race      the GPU's kernels on the host: races between threads; make check-barriers: is each barrier needed?
## make gpu-kit         build/gpu-kit: what a machine with a GPU tests and times with test/gpu/on-gpu.sh
## make check-slurm     pipelines on a Slurm of three nodes on this machine, as root (make deps WITH=slurm); DEMO=yes: the demo
## make kill N=200      a pipeline under N SIGKILLs ends with the same bytes
## make fault           every tool, with one call after the other failing; some minutes
## make scale           how stages grow, up to 100,000 videos and 10 million frames; some minutes
## make demo            synthetic videos -> six-fold table, in build/demo
## make fuzz SECONDS=60 hostile inputs for every reader, so long each (TARGET=pth: one); needs clang
## make lint            clang-format, shellcheck, headers, layers
## make format          rewrite sources with clang-format
## make install         tools, library, man pages, completion, pipelines below PREFIX (/usr/local), DESTDIR
## make uninstall       remove what install put there, and folders below PREFIX that are then empty
## make check-package   the release and the Debian package in fresh roots of Debian; as root, 30 minutes
## make dist            build/mamba-va-VERSION.tar.gz, which builds without git; equal bytes each time
## make clean           remove build/
##
## make deps WITH=mpi   the same, with what is optional (mpi: training on several machines; pictures: PNG; camera; onnx; fuzz;
##                      faces, starter: fetch the weights of the detector of faces and of a first model, with pip;
##                      cuda: fetch NVIDIA's compiler, with pip)
## MPI=no               build without it though it is there; MPI=yes: fail if it is not
## CAIRO=no             the same for PNG pictures (make deps WITH=pictures)
## CUDA=no              the same for GPUs (make deps WITH=cuda); CUDA=/path/nvcc: with this compiler
## CAMERA=no            the same for cameras of va-live (make deps WITH=camera)
## ONNX=no              the same for ONNX Runtime in va-embed (make deps WITH=onnx)
## MPI=mpich            this package; MPI=/path/mpicc: that of this compiler
## EMULATOR=qemu-aarch64-static   what runs the programs that CC makes for another machine
## DEVELOPER=1          warnings are errors
## SANITIZE=address,undefined   build and check with sanitizers
## V=1                  show the commands
## CC=clang OPT=-O3 BUILD=dir PREFIX=dir LIBDIR=dir     as usual (prefix, libdir: the same); lasting choices go to config.mk

# ---- build ------------------------------------------------------------------------------
# A stamp that changes when the compiler or a flag does: everything depends on it.
FLAGS_NOW = $(CC) $(CPPFLAGS) $(MPI_CFLAGS) $(CAIRO_CFLAGS) $(ONNX_CFLAGS) $(ALL_CFLAGS) | $(ALL_LDFLAGS) $(LIBS)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo $(call quoted,$(FLAGS_NOW)) | cmp -s - $@ || echo $(call quoted,$(FLAGS_NOW)) >$@

# An unpacked release says itself of which commit it is (dist.sh).
COMMIT = $(if $(wildcard release.txt),$(shell sed -n 's/^commit //p' release.txt),$(shell git rev-parse --short=12 HEAD 2>/dev/null || echo none))
# What --version prints, without the folder that packages map to nothing. Written anew only when it differs.
$(BUILD)/va_build.h: FORCE
	@mkdir -p $(@D)
	@{ echo '#define VA_BUILD_COMMIT "$(COMMIT)"'; \
	   echo '#define VA_BUILD_COMPILER "$(shell $(CC) --version 2>/dev/null | head -n 1)"'; \
	   echo $(call quoted,#define VA_BUILD_FLAGS "$(call c_string,$(filter-out -ffile-prefix-map=%,$(OPT) $(SANFLAGS) $(CFLAGS)))"); \
	   echo '#define VA_BUILD_LIBRARIES "HDF5 $(shell pkg-config --modversion $(firstword $(PKGS)) 2>/dev/null), libavcodec $(shell pkg-config --modversion libavcodec 2>/dev/null), libjpeg-turbo $(shell pkg-config --modversion libturbojpeg 2>/dev/null)"'; \
	   echo '#define VA_BUILD_CUDA "$(CUDA_STATE)"'; \
	   echo '#define VA_BUILD_MPI "$(MPI_STATE)"'; \
	   echo $(call quoted,#define VA_BUILD_PNG "$(call c_string,$(CAIRO_STATE))"); \
	   echo $(call quoted,#define VA_BUILD_CAMERA "$(call c_string,$(CAMERA_STATE))"); \
	   echo $(call quoted,#define VA_BUILD_ONNX "$(call c_string,$(ONNX_STATE))"); } >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(BUILD)/common/base/va_version.o: $(BUILD)/va_build.h
# "make -j deps demo": nothing is compiled before the packages are there.
ifneq ($(filter deps,$(MAKECMDGOALS)),)
$(BUILD)/flags $(BUILD)/va_build.h cuda: | deps
endif

# The tables that readers and va-check use come from the schema pages themselves.
$(BUILD)/va_schema_tables.c: schemas/tables.awk $(SCHEMAS)
	@mkdir -p $(@D)
	$(Q)awk -f schemas/tables.awk $(SCHEMAS) >$@
$(BUILD)/common/comm/va_comm_ranks.o: $(COMM_SRC) $(BUILD)/flags
	$(SAY) "  CC    $(COMM_NOW)"
	$(Q)$(CC) $(CPPFLAGS) $(MPI_CFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $(COMM_NOW)
$(BUILD)/common/plot/va_cairo_here.o: $(CAIRO_SRC) $(BUILD)/flags
	@mkdir -p $(@D)
	$(SAY) "  CC    $(CAIRO_NOW)"
	$(Q)$(CC) $(CPPFLAGS) $(CAIRO_CFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $(CAIRO_NOW)
$(BUILD)/common/media/va_camera_here.o: $(CAMERA_SRC) $(BUILD)/flags
	@mkdir -p $(@D)
	$(SAY) "  CC    $(CAMERA_NOW)"
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $(CAMERA_NOW)
$(BUILD)/common/jobs/va_ort_here.o: $(ONNX_SRC) $(BUILD)/flags
	@mkdir -p $(@D)
	$(SAY) "  CC    $(ONNX_NOW)"
	$(Q)$(CC) $(CPPFLAGS) $(ONNX_CFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $(ONNX_NOW)
ONNX_NOW = $(word $(if $(ONNX_FOUND),2,1),$(ONNX_SRC))
CAMERA_NOW = $(word $(if $(CAMERA_FOUND),2,1),$(CAMERA_SRC))
CAIRO_NOW = $(word $(if $(CAIRO_FOUND),2,1),$(CAIRO_SRC))
COMM_NOW = $(word $(if $(filter on:,$(MPI_STATE)),2,1),$(COMM_SRC))
# Style and script of pages, as strings of C.
$(BUILD)/va_page_text.c: common/plot/page.css common/plot/page.js common/plot/text.awk
	@mkdir -p $(@D)
	$(Q)awk -f common/plot/text.awk common/plot/page.css common/plot/page.js >$@
$(BUILD)/va_schema_tables.o $(BUILD)/va_page_text.o: %.o: %.c $(BUILD)/flags
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<
$(BUILD)/va_devices.o $(BUILD)/test/late/va_devices.o: $(BUILD)/flags Makefile
	@mkdir -p $(@D)
	$(Q){ echo '#include "ops/va_device.h"'; \
	    printf 'extern const struct va_device va_%s_device;\n' $(DEVICES); \
	    echo 'const struct va_device *const va_devices[] = {'; \
	    printf '    &va_%s_device,\n' $(DEVICES); echo '    NULL };'; } >$(@:.o=.c)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $(@:.o=.c)

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(SAY) "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

define HOT_RULE
$(BUILD)/%.$(1).o: %.c $(BUILD)/flags
	@mkdir -p $$(@D)
	$$(SAY) "  CC    $$< ($(1))"
	$$(Q)$$(CC) $$(CPPFLAGS) $$(ALL_CFLAGS) -O3 $(HOT_$(1)) -DVA_LEVEL=$(1) -MMD -MP -c -o $$@ $$<
endef
$(foreach l,$(HOT_LEVELS),$(eval $(call HOT_RULE,$(l))))

$(LIB): $(LIB_OBJ)
	@rm -f $@
	$(Q)ar rcs $@ $^

define LINK
@mkdir -p $(@D)
$(SAY) "  LINK  $@"
$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(LIB) $(LIBS)
endef
# Files in tools/x are parts of va-x alone.
$(foreach p,$(PART_SRC),$(eval $(foreach d,bin test/late/bin,$(BUILD)/$(d)/va-$(word 2,$(subst /, ,$(p)))): $(p:%.c=$(BUILD)/%.o)))
$(BUILD)/bin/%: $(BUILD)/tools/%.o $(LIB)
	$(LINK)
$(BUILD)/test/unit/%: $(BUILD)/test/unit/%.o $(LIB)
	$(LINK)
$(BUILD)/test/bench/%: $(BUILD)/test/bench/%.o $(LIB)
	$(LINK)
$(BUILD)/test/gen/%: $(BUILD)/test/gen/%.o $(LIB)
	$(LINK)
$(BUILD)/test/cuda/predict: $(BUILD)/test/cuda/predict.o $(BUILD)/test/cuda/launches.o $(BUILD)/test/cuda/cost.o $(LIB)
	$(LINK)
# The tools on a device for tests (test/late), which is as far away as a GPU.
$(BUILD)/test/late/va_devices.o: DEVICES := late
$(BUILD)/test/late/bin/%: $(BUILD)/tools/%.o $(BUILD)/test/late/va_late.o $(BUILD)/test/late/va_devices.o $(LIB)
	$(LINK)
# Fuzz targets: with libFuzzer's main where FUZZER links it, else with one that replays files.
FUZZ_OBJ = $(patsubst %.c,$(BUILD)/%.o,$(if $(FUZZER),$(filter-out %/replay.c,$(FUZZ_LIB)),$(FUZZ_LIB)))
$(BUILD)/test/fuzz/%: $(BUILD)/test/fuzz/%.o $(FUZZ_LIB:%.c=$(BUILD)/%.o) $(LIB)
	$(SAY) "  LINK  $@"
	$(Q)$(CC) $(ALL_LDFLAGS) $(FUZZER) -o $@ $< $(FUZZ_OBJ) $(LIB) $(LIBS)
.SECONDARY:
-include $(wildcard $(BUILD)/*.d $(BUILD)/*/*.d $(BUILD)/*/*/*.d $(BUILD)/*/*/*/*.d)

# Whether there is a compiler is asked when it is this goal's turn: "make deps all" may fetch one.
.PHONY: cuda
cuda:
	@$(if $(filter on:,$(CUDA_STATE)),$(MAKE) --no-print-directory $(CUDA_LIB),rm -f $(CUDA_LIB))

# ---- published weights: what make deps fetched, imported to where tools look for it ----------
weights: $(TOOLS)
	@mkdir -p $(BUILD)/share/mamba-va
	@for f in $(BUILD)/fetched/*; do \
	    to=$$(basename "$$f"); to=$(BUILD)/share/mamba-va/$${to%.*}.h5; \
	    [ ! -f "$$f" ] || [ "$$to" -nt "$$f" ] || $(EMULATOR) $(BUILD)/bin/va-weights import -q -o "$$to" "$$f" || exit 1; done

include lib/rules.mk # the library for other programs

include doc/pages.mk # man pages and completion

include test/rules.mk # tests, benchmarks, faults, fuzzing

# ---- what lint looks at -----------------------------------------------------------------
# Every header compiles alone.
check-headers:
	@for h in $(HEADERS); do \
	    echo "#include \"$$h\"" | $(CC) $(CPPFLAGS) $(CSTD) $(WARN) -Werror -fsyntax-only -x c - || exit 1; done
	@for h in $(filter-out %/va_emu.h %/va_emu_words.h %_cuda.h,$(CUDA_H)); do \
	    echo "#include \"$$h\"" | $(CXX) $(CUDA_FLAGS) -Werror -fsyntax-only -x c++ - || exit 1; done

# Includes point down the layers only, and no files of the library need one another in a circle.
check-layers: $(LIB)
	@test/layers.sh $(LIB)

C_SRC = $(CUDA_SRC) $(LIB_SRC) lib/mamba_va.c doc/example.c $(HOT_SRC) $(TOOL_SRC) $(PART_SRC) $(UNIT_SRC) $(wildcard test/late/*.c test/lib/*.c test/cuda/*.c*) $(BENCH_SRC) $(GEN_SRC) $(FUZZ_SRC) $(FUZZ_LIB) test/fault/fault.c test/camera/camera.c
lint: check-headers check-layers
	@clang-format --dry-run -Werror $(C_SRC) $(HEADERS) $(CUDA_H)
	shellcheck $(SCRIPTS)
	shellcheck -s bash $(BATS) $(wildcard test/lib/*.bash test/fault/*.bash test/slurm/*.bash)
format:
	clang-format -i $(C_SRC) $(HEADERS) $(CUDA_H)

# ---- the rest ---------------------------------------------------------------------------
deps:
	@WITH=$(call quoted,$(WITH)) ./deps.sh
	@BUILD=$(BUILD) WITH=$(call quoted,$(WITH)) ./fetch.sh
	@$(if $(filter cuda,$(WITH)),./nvcc.sh fetch $(call quoted,$(BUILD)),:)

demo: all
	@$(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc)) \
	    -f pipelines/demo.mk BIN=$(BUILD)/bin OUT=$(BUILD)/demo

SHARE = $(DESTDIR)$(PREFIX)/share
ZSH_SITE ?= $(PREFIX)/share/zsh/site-functions
VERSION   = $(shell sed -n 's/^.define VA_VERSION "\(.*\)"/\1/p' common/base/va_version.h)
MODULE    = $(SHARE)/modulefiles/mamba-va/$(VERSION)
INSTALLED_CUDA = $(DESTDIR)$(PREFIX)/lib/libvacuda.so
# Folders of install, as far as they are empty and below PREFIX. Of a system's own there is only one of ours.
below  = bin lib include $(LIBDIR:$(PREFIX)/%=%)/pkgconfig $(ZSH_SITE:$(PREFIX)/%=%) share/bash-completion/completions \
         $(addprefix share/man/man,1 3 5 7) share/modulefiles/mamba-va
ours   = $(if $(filter /usr /usr/local,$(DESTDIR)$(PREFIX)),share/modulefiles/mamba-va,-p $(filter-out /%,$(below)))
rmdirs = cd $(DESTDIR)$(PREFIX) 2>/dev/null || exit 0; rmdir $(ours) 2>/dev/null || :
install: all install-lib
	install -d $(DESTDIR)$(PREFIX)/bin $(SHARE)/man/man1 $(SHARE)/man/man5 $(SHARE)/man/man7 \
	    $(SHARE)/mamba-va $(SHARE)/bash-completion/completions $(DESTDIR)$(ZSH_SITE)
	install -m 755 $(TOOLS) $(DESTDIR)$(PREFIX)/bin
	if [ -f $(CUDA_LIB) ]; then install -D -m 755 $(CUDA_LIB) $(INSTALLED_CUDA); else rm -f $(INSTALLED_CUDA); fi
	install -m 644 $(MAN1) $(SHARE)/man/man1
	install -m 644 $(MAN5) $(SHARE)/man/man5
	install -m 644 $(MAN7) $(SHARE)/man/man7
	install -m 644 $(BASH_COMPLETION) $(SHARE)/bash-completion/completions
	install -m 644 $(ZSH_COMPLETION) $(DESTDIR)$(ZSH_SITE)
	install -m 644 $(wildcard pipelines/*.mk) pipelines/hand_on.sh weights.txt $(SHARE)/mamba-va
	install -m 755 $(filter-out %/hand_on.sh,$(wildcard pipelines/*.sh)) fetch.sh $(SHARE)/mamba-va
	for f in $(BUILD)/share/mamba-va/*.h5; do [ ! -f "$$f" ] || install -m 644 "$$f" $(SHARE)/mamba-va; done
	install -d $(dir $(MODULE))
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' contrib/modulefile >$(MODULE)
uninstall: uninstall-lib
	rm -f $(TOOLS:$(BUILD)/bin/%=$(DESTDIR)$(PREFIX)/bin/%) $(MAN1:$(BUILD)/man/%=$(SHARE)/man/%) \
	    $(MAN5:$(BUILD)/man/%=$(SHARE)/man/%) $(MAN7:$(BUILD)/man/%=$(SHARE)/man/%) \
	    $(BASH_COMPLETION:$(BUILD)/completion/bash/%=$(SHARE)/bash-completion/completions/%) \
	    $(ZSH_COMPLETION:$(BUILD)/completion/zsh/%=$(DESTDIR)$(ZSH_SITE)/%)
	rm -f $(INSTALLED_CUDA) $(MODULE)
	rm -rf $(SHARE)/mamba-va
	$(rmdirs)

dist:
	@BUILD=$(call quoted,$(BUILD)) ./dist.sh

clean:
	rm -rf $(BUILD)
