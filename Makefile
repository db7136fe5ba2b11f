# The two commands: `make demo` and `make test`. Each does everything that is needed on a fresh Debian
# or Ubuntu machine; a second call does no work twice.
export BUILD ?= build
PREFIX ?= /usr/local

.PHONY: build demo test sanitize bench studies format docs install clean

build:
	@scripts/bootstrap && scripts/build

demo:
	@scripts/bootstrap && scripts/build program
	@$(BUILD)/discreet demo $(DEMO)

test:
	@scripts/bootstrap && scripts/build
	@scripts/test $(TEST)

# All tests of the base once more, under address and undefined-behaviour sanitizers.
sanitize:
	@scripts/bootstrap && scripts/sanitize $(TEST)

bench:
	@scripts/bootstrap && scripts/build program
	@$(BUILD)/discreet bench $(BENCH)

# The long runs: every recipe as its first line says.
studies:
	@scripts/bootstrap && scripts/build program
	@scripts/studies $(STUDIES)

format:
	@scripts/format

# Pages that the program writes about itself.
docs:
	@scripts/bootstrap && scripts/build program
	@$(BUILD)/discreet explain --all --markdown > $(BUILD)/reference.md
	@mv $(BUILD)/reference.md docs/reference.md

install:
	@scripts/bootstrap && scripts/build
	@cmake --install $(BUILD) --prefix $(PREFIX)

clean:
	@rm -rf $(BUILD)
