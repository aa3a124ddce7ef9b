# SPDX-License-Identifier: Apache-2.0
# One file, not recursive. `make help` lists the targets; tools/deps knows which Debian packages each needs.

B       := build
CC      ?= gcc
CLANG   ?= clang-19
FORMAT  ?= clang-format-19
PREFIX  ?= /usr
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
VERSION  := $(shell sed -n 's/.*DEPUTY_VERSION "\(.*\)"/\1/p' userspace/common/version.h)
SONAME   := libdeputy.so.0
PROGRAMS := $(B)/deputyd $(B)/deputy $(B)/$(SONAME)

# gcc 12 cannot see that an output is set whenever 0 is returned: -Wmaybe-uninitialized stays off. Cut names fail where they are used.
WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wno-maybe-uninitialized -Wno-format-truncation \
	-Wno-unknown-warning-option $(if $(SANITIZE),-Wno-array-bounds -Wno-stringop-overflow) # gcc 12 loses sizes when it instruments
CFLAGS  ?= -O2 -g
CFLAGS  += -std=gnu11 -D_GNU_SOURCE $(WARN) -fPIE -fstack-protector-strong $(SANITIZE) -MMD -MP -I. -Iuserspace -I$(B)
LDFLAGS += -pie -Wl,-z,relro,-z,now $(SANITIZE)

POLICY   := $(wildcard policy/*.c)
COMMON   := $(wildcard userspace/common/*.c)
TOKEN    := $(wildcard userspace/token/*.c)
PROOF    := $(wildcard userspace/proof/*.c)
LOG      := $(wildcard userspace/log/*.c)
BROKER   := $(wildcard userspace/broker/*.c)
RECORDER := $(wildcard userspace/recorder/*.c)
DAEMON   := $(wildcard userspace/daemon/*.c)
LIBRARY  := $(wildcard userspace/lib/*.c)
CLI      := $(wildcard userspace/cli/*.c)

LIBS_deputyd := -lbpf -lelf -lz -lmicrohttpd -ljansson -lyaml -lsodium -lcrypto -lsystemd -lcap
LIBS_libdeputy := -ljansson -lsodium -lcrypto -lpthread
LIBS_deputy  := -lcurl -lz -ljansson -lyaml -lsodium -lcrypto

obj = $(patsubst %.c,$(B)/obj$(VARIANT)/%.o,$(1))

# `make V=1` shows the commands.
Q   := $(if $(V),,@)
say  = $(if $(V),,@printf '  %-6s %s\n' $(1) '$@';)

.PHONY: all help quickstart check attack bench install san fuzz other-builds landlock-programs unit-programs fuzz-programs format clean
.DELETE_ON_ERROR:

all: $(PROGRAMS)

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | column -t -s '	'

# ---- the kernel side: one object per family, linked into one, and its skeleton ----

BPF_FAMILIES := object ward alias emit file refer inode descriptor net ipc task guard running mapping control privilege owned socket
BPF_OBJECTS  := $(BPF_FAMILIES:%=$(B)/bpf/%.bpf.o)
MULTIARCH    := $(shell gcc -print-multiarch)

$(B)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h)
	@mkdir -p $(@D)
	$(call say,BPF)
	$(Q)$(CLANG) -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter -Ibpf -I/usr/include/$(MULTIARCH) -c $< -o $@

$(B)/bpf/deputy.bpf.o: $(BPF_OBJECTS)
	$(call say,LINK)
	$(Q)$(BPFTOOL) gen object $@ $^

$(B)/bpf/deputy.skel.h: $(B)/bpf/deputy.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name deputy_bpf > $@

# ---- userspace ----

$(call obj,$(DAEMON)): $(B)/bpf/deputy.skel.h

$(B)/obj$(VARIANT)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CFLAGS) -c $< -o $@

$(B)/deputyd$(VARIANT): $(call obj,$(DAEMON) $(BROKER) $(RECORDER) $(LOG) $(TOKEN) $(PROOF) $(POLICY) $(COMMON))
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ $(LIBS_deputyd)

$(B)/deputy$(VARIANT): $(call obj,$(CLI) $(LOG) $(TOKEN) $(PROOF) $(POLICY) $(COMMON))
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ $(LIBS_deputy)

# The library shows no name but those of deputy.h.
LIBRARY_TOKEN := $(patsubst %,userspace/token/%.c,base64url chain hash jws key key_ring link link_read scan)
$(B)/obj-pic/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CFLAGS) -fPIC -fvisibility=hidden -c $< -o $@

$(B)/$(SONAME): $(patsubst %.c,$(B)/obj-pic/%.o,$(LIBRARY) $(LIBRARY_TOKEN) userspace/common/utf8.c)
	$(call say,LINK)
	$(Q)$(CC) -shared -Wl,-soname,$(SONAME) -Wl,--no-undefined $(filter-out -pie,$(LDFLAGS)) $^ -o $@ $(LIBS_libdeputy)

# ---- tests: one program per tests/unit/MODULE/test_*.c, with the other sources of its folder ----

MODULES   := $(COMMON) $(TOKEN) $(PROOF) $(LOG) $(POLICY) $(BROKER) $(RECORDER) $(filter-out %/main.c,$(CLI)) userspace/daemon/config.c userspace/daemon/config_issuers.c userspace/daemon/epochs.c userspace/daemon/keystore.c userspace/daemon/records.c userspace/daemon/secret_file.c userspace/daemon/slots.c userspace/daemon/tables.c userspace/daemon/warden.c $(LIBRARY)
UNIT      := $(wildcard tests/unit/*/test_*.c)
UNIT_BINS := $(UNIT:%.c=$(B)/$(VARIANT:-%=%/)%)
GOLDEN    := $(B)/$(VARIANT:-%=%/)tests/policy/golden
LIBS_test := $(sort $(LIBS_deputyd) $(LIBS_deputy)) -lcmocka -lpthread

$(B)/modules$(VARIANT).a: $(call obj,$(MODULES))
	$(call say,AR)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

.SECONDEXPANSION:
$(UNIT_BINS): $(B)/$(VARIANT:-%=%/)%: %.c $$(filter-out $$(UNIT),$$(wildcard $$(dir $$*)*.c)) $(B)/modules$(VARIANT).a
	$(call say,TEST)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MF $@.d -I$(<D) -Itests/unit $(filter %.c,$^) $(LDFLAGS) $(filter %.a,$^) -o $@ $(LIBS_test)

$(filter %/unit/daemon/%,$(UNIT_BINS)): $(B)/bpf/deputy.skel.h
$(filter %/unit/broker/test_oidc %/unit/broker/test_id_token,$(UNIT_BINS)): tests/unit/proof/forge.c
$(filter %/unit/broker/test_owner_proof,$(UNIT_BINS)): tests/unit/proof/own_agent.c

$(GOLDEN): tests/policy/golden.c $(B)/modules$(VARIANT).a
	$(call say,TEST)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MF $@.d $< $(LDFLAGS) $(filter %.a,$^) -o $@ $(LIBS_test)

# What speaks for Deputy to others' implementations.
INTEROP_BINS := $(patsubst %.c,$(B)/$(VARIANT:-%=%/)%,$(wildcard tests/interop/*/*.c))
$(INTEROP_BINS): $(B)/$(VARIANT:-%=%/)%: %.c $(B)/modules$(VARIANT).a
	$(call say,TEST)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MF $@.d -Itests/unit/broker $(filter %.c,$^) $(LDFLAGS) $(filter %.a,$^) -o $@ $(LIBS_test)
$(filter %/oauth/serve,$(INTEROP_BINS)): $(wildcard tests/unit/broker/stage*.c)

unit-programs: $(UNIT_BINS) $(GOLDEN) $(INTEROP_BINS)

# Everything in userspace once more with sanitizers, and the fuzzers with clang's.
SAN := VARIANT=-san SANITIZE=-fsanitize=address,undefined
san: $(B)/bpf/deputy.skel.h
	+$(Q)$(MAKE) --no-print-directory $(SAN) unit-programs $(B)/deputyd-san $(B)/deputy-san

FUZZ      := $(wildcard tests/fuzz/*_fuzz.c)
FUZZ_BINS := $(FUZZ:tests/fuzz/%.c=$(B)/fuzz/%)
$(B)/fuzz/%: tests/fuzz/%.c $(B)/modules$(VARIANT).a
	$(call say,FUZZ)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MF $@.d -fsanitize=fuzzer $< $(LDFLAGS) $(filter %.a,$^) -o $@ $(filter-out -lcmocka,$(LIBS_test))
fuzz-programs: $(FUZZ_BINS)
fuzz:
	+$(Q)$(MAKE) --no-print-directory CC=$(CLANG) VARIANT=-fuzz SANITIZE=-fsanitize=fuzzer-no-link,address,undefined fuzz-programs

SOURCES := $(wildcard include/*.h bpf/*.[ch] policy/*.[ch] userspace/*/*.[ch] tests/unit/*.h tests/unit/*/*.[ch] tests/fuzz/*.[ch] \
	tests/kernel/*.[ch] tests/landlock/*.[ch] tests/vm/*.[ch] tests/bench/*.[ch] tests/policy/*.c tests/interop/*/*.[ch])
format: ## lay out every C source
	$(FORMAT) -i $(SOURCES)

# Measured on this machine and not in the VM: both sides of each ratio are userspace.
$(B)/bench/%: tests/bench/%.c $(B)/modules$(VARIANT).a
	$(call say,BENCH)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MF $@.d -Itests/unit/broker $(filter %.c,$^) $(LDFLAGS) $(filter %.a,$^) -o $@ $(LIBS_test)
$(B)/bench/exchange $(B)/bench/memory: $(wildcard tests/unit/broker/stage*.c)

other-builds: $(B)/deputyd
	$(Q)tests/kernel/other-builds

# Landlock's selftests, twice. Without them their family fails, and is counted.
landlock-programs:
	-$(Q)tests/landlock/build

# ---- what people run ----

quickstart: ## install what is missing, build, and see an agent under a grant
	@tools/deps build vm
	@$(MAKE) --no-print-directory -j2 all
	@tools/quickstart

check: ## install what is missing, build, and run every test
	@tools/deps build vm test
	@$(MAKE) --no-print-directory -j2 all unit-programs san fuzz
	@$(MAKE) --no-print-directory other-builds $(if $(CHECK_LONG),landlock-programs)
	@tools/check

attack: ## try every road on three kernels, in full, and print the table: hours on an emulated machine
	@tools/deps build vm test
	@$(MAKE) --no-print-directory -j2 all
	@$(MAKE) --no-print-directory other-builds landlock-programs
	@tools/attack

bench: ## the table of figures, in a VM that counts instructions
	@tools/deps build vm
	@$(MAKE) --no-print-directory -j2 all
	@$(MAKE) --no-print-directory $(B)/bench/chain $(B)/bench/exchange $(B)/bench/log
	@$(B)/bench/chain
	@$(B)/bench/log
	@$(B)/bench/exchange
	@tests/bench/run

install: all ## into $(DESTDIR)$(PREFIX)
	install -Dm755 $(B)/deputyd $(DESTDIR)$(PREFIX)/sbin/deputyd
	install -Dm755 $(B)/deputy $(DESTDIR)$(PREFIX)/bin/deputy
	install -Dm644 -t $(DESTDIR)$(PREFIX)/lib/$(MULTIARCH) $(B)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(PREFIX)/lib/$(MULTIARCH)/libdeputy.so
	install -Dm644 -t $(DESTDIR)$(PREFIX)/include include/deputy.h
	install -d $(DESTDIR)$(PREFIX)/lib/$(MULTIARCH)/pkgconfig
	sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(PREFIX)/lib/$(MULTIARCH)|; s|@VERSION@|$(VERSION)|' userspace/lib/deputy.pc.in \
		>$(DESTDIR)$(PREFIX)/lib/$(MULTIARCH)/pkgconfig/deputy.pc
	install -Dm644 -t $(DESTDIR)$(PREFIX)/share/deputy/profiles policy/profiles/*.yaml
	install -Dm644 -t $(DESTDIR)$(PREFIX)/share/man/man1 userspace/man/*.1
	install -Dm644 -t $(DESTDIR)$(PREFIX)/share/man/man5 userspace/man/*.5
	install -Dm644 -t $(DESTDIR)$(PREFIX)/share/man/man8 userspace/man/*.8
	install -Dm644 -t $(DESTDIR)$(PREFIX)/lib/systemd/system userspace/systemd/*.service userspace/systemd/*.socket

-include $(shell find $(B) -name '*.d' 2>/dev/null)

clean: ## remove the build folder
	rm -rf $(B)
