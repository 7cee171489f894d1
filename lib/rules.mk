# libmamba_va, the library for other programs, for the Makefile above: mamba_va.h is its interface, mamba_va.map the names
# that it shows, abi.txt both as they were settled.
LIBVA_ABI   := 1
comma       := ,
LIBVA       := $(BUILD)/lib/libmamba_va.so
LIBVA_NAMED := $(LIBVA).$(LIBVA_ABI)
LIBVA_NAMES  = $(shell sed -n 's/^ *\(mamba_va_[a-z_]*\);/\1/p' lib/mamba_va.map)
MAN3        := $(BUILD)/man/man3/libmamba_va.3
# Where the library and its mamba_va.pc are installed: lib64, or the folder of an architecture.
LIBDIR      ?= $(PREFIX)/lib

$(LIBVA_NAMED): $(BUILD)/lib/mamba_va.o lib/mamba_va.map $(LIB)
	@mkdir -p $(@D)
	$(SAY) "  LINK  $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -shared -Wl,-soname,$(@F),--version-script=lib/mamba_va.map \
	    $(if $(SANITIZE),,-Wl$(comma)-z$(comma)defs) -Wl,-z,nodelete,--as-needed,--gc-sections -o $@ $< $(LIB) $(LIBS)
$(LIBVA): $(LIBVA_NAMED)
	@ln -sf $(<F) $@

all: $(LIBVA)

# The page of the library; under the name of each function there is a page that leads to it.
$(MAN3): doc/library.md lib/mamba_va.map schemas/man.awk schemas/troff.awk
	@mkdir -p $(@D)
	@awk -v section=3 -v manual="Library functions" -f schemas/troff.awk -f schemas/man.awk $< >$@
	@for f in $(LIBVA_NAMES); do echo ".so man3/$(@F)" >$(@D)/$$f.3; done

.PHONY: install-lib uninstall-lib
install-lib: all
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include $(SHARE)/man/man3
	install -m 755 $(LIBVA_NAMED) $(DESTDIR)$(LIBDIR)
	ln -sf $(notdir $(LIBVA_NAMED)) $(DESTDIR)$(LIBDIR)/$(notdir $(LIBVA))
	install -m 644 lib/mamba_va.h $(DESTDIR)$(PREFIX)/include
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR:$(PREFIX)/%=$${prefix}/%)|; s|@VERSION@|$(VERSION)|' \
	    lib/mamba_va.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/mamba_va.pc
	install -m 644 $(MAN3) $(LIBVA_NAMES:%=$(BUILD)/man/man3/%.3) $(SHARE)/man/man3
uninstall-lib:
	rm -f $(DESTDIR)$(LIBDIR)/$(notdir $(LIBVA)) $(DESTDIR)$(LIBDIR)/$(notdir $(LIBVA_NAMED)) \
	    $(DESTDIR)$(PREFIX)/include/mamba_va.h $(DESTDIR)$(LIBDIR)/pkgconfig/mamba_va.pc \
	    $(SHARE)/man/man3/libmamba_va.3 $(LIBVA_NAMES:%=$(SHARE)/man/man3/%.3)

# The library under valgrind, and under the sanitizer of threads in a build of its own.
.PHONY: check-lib-race
check-lib-race: $(LIBVA) $(BUILD)/bin/va-weights $(BUILD)/test/gen/make_detector
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/tsan OPT="-O1 -g" DEVELOPER= SANITIZE=thread MPI=no CAIRO=no CAMERA=no ONNX=no CUDA=no \
	    $(BUILD)/tsan/lib/libmamba_va.so
	@BUILD=$(BUILD) CC="$(CC)" test/lib/race.sh $(BUILD)/tsan/lib/libmamba_va.so
