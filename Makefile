# SPDX-License-Identifier: Apache-2.0
# One file, not recursive. `make help` lists the targets; tools/deps knows which Debian packages each needs.

B       := build
CC      ?= gcc
CLANG   ?= clang-19
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
PROGRAMS := $(B)/deputyd $(B)/deputy

# gcc 12 cannot see that an output is set whenever 0 is returned: -Wmaybe-uninitialized stays off. Cut names fail where they are used.
WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wno-maybe-uninitialized -Wno-format-truncation
CFLAGS  ?= -O2 -g
CFLAGS  += -std=gnu11 -D_GNU_SOURCE $(WARN) -fPIE -fstack-protector-strong $(SANITIZE) -MMD -MP -I. -Iuserspace -I$(B)
LDFLAGS += -pie -Wl,-z,relro,-z,now $(SANITIZE)

POLICY   := $(wildcard policy/*.c)
COMMON   := $(wildcard userspace/common/*.c)
TOKEN    := $(wildcard userspace/token/*.c)
BROKER   := $(wildcard userspace/broker/*.c)
RECORDER := $(wildcard userspace/recorder/*.c)
DAEMON   := $(wildcard userspace/daemon/*.c)
CLI      := $(wildcard userspace/cli/*.c)

LIBS_deputyd := -lbpf -lelf -lz -lmicrohttpd -ljansson -lyaml -lsodium -lcrypto -lsystemd
LIBS_deputy  := -lcurl -ljansson -lyaml -lsodium -lcrypto

obj = $(patsubst %.c,$(B)/obj$(VARIANT)/%.o,$(1))

# `make V=1` shows the commands.
Q   := $(if $(V),,@)
say  = $(if $(V),,@printf '  %-6s %s\n' $(1) '$@';)

.PHONY: all help deps quickstart check check-san unit fuzz bench attack clean format lint vm-tests
.DELETE_ON_ERROR:

all: $(PROGRAMS)

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | column -t -s '	'

# ---- the kernel side: one object per family, linked into one, and its skeleton ----

BPF_FAMILIES := object emit file net ipc task guard
BPF_OBJECTS  := $(BPF_FAMILIES:%=$(B)/bpf/%.bpf.o)
MULTIARCH    := $(shell $(CC) -print-multiarch)

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

$(B)/deputyd$(VARIANT): $(call obj,$(DAEMON) $(BROKER) $(RECORDER) $(TOKEN) $(POLICY) $(COMMON))
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ $(LIBS_deputyd)

$(B)/deputy$(VARIANT): $(call obj,$(CLI) $(TOKEN) $(POLICY) $(COMMON))
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ $(LIBS_deputy)

-include $(shell find $(B) -name '*.d' 2>/dev/null)

clean: ## remove the build folder
	rm -rf $(B)
