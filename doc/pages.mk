# Man pages and completion, for the Makefile above: what people read is made from the tools.

# ---- man pages: options from the tool itself, formats from the schema pages ----------------
MAN1 := $(TOOL_SRC:tools/%.c=$(BUILD)/man/man1/%.1)
MAN5 := $(SCHEMAS:schemas/%.md=$(BUILD)/man/man5/%.5)
MAN7 := $(BUILD)/man/man7/mamba-va.7
.PHONY: man
man: $(MAN1) $(MAN3) $(MAN5) $(MAN7)
$(BUILD)/man/man1/%.1: $(BUILD)/bin/% doc/pages.md doc/pages.awk schemas/troff.awk
	@mkdir -p $(@D)
	@{ $(EMULATOR) $< --help-man && awk -v tool=$* -f schemas/troff.awk -f doc/pages.awk doc/pages.md; } >$@
$(BUILD)/man/man5/%.5: schemas/%.md schemas/man.awk schemas/troff.awk
	@mkdir -p $(@D)
	@awk -v section=5 -v manual="File formats" -f schemas/troff.awk -f schemas/man.awk $< >$@
$(BUILD)/man/man7/%.7: doc/%.md schemas/man.awk schemas/troff.awk
	@mkdir -p $(@D)
	@awk -v section=7 -v manual="Overview" -f schemas/troff.awk -f schemas/man.awk $< >$@

# ---- completion in shells, from the tools as well -------------------------------------------
BASH_COMPLETION := $(TOOL_SRC:tools/%.c=$(BUILD)/completion/bash/%)
ZSH_COMPLETION  := $(TOOL_SRC:tools/%.c=$(BUILD)/completion/zsh/_%)
.PHONY: completion
completion: $(BASH_COMPLETION) $(ZSH_COMPLETION)
$(BUILD)/completion/bash/%: $(BUILD)/bin/% completion/bash.awk
	@mkdir -p $(@D)
	@$(EMULATOR) $< --help-table | awk -v tool=$* -f completion/bash.awk >$@
$(BUILD)/completion/zsh/_%: $(BUILD)/bin/% completion/zsh.awk
	@mkdir -p $(@D)
	@$(EMULATOR) $< --help-table | awk -v tool=$* -f completion/zsh.awk >$@
