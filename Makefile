# glint: plain make and pkg-config; everything is built under build/. `make help` lists what there is.
CC ?= gcc
B ?= build
PKGS := rdkafka avro-c hiredis jansson inih libutf8proc libxxhash zlib libmicrohttpd libsystemd
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
HARDEN := -fPIE -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=2
CFLAGS ?= -O2 -g
CPPFLAGS += -D_GNU_SOURCE -I. -Ibuild/include
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS))
PKG_LIBS = $(shell pkg-config --libs $(PKGS))
ALL_CFLAGS = -std=c11 $(WARN) $(HARDEN) $(SAN) $(CFLAGS) $(CPPFLAGS) $(PKG_CFLAGS) -MMD -MP
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now $(SAN) $(LDFLAGS)
LIBS = $(PKG_LIBS) -lm -lpthread

# --- rooms (explicit lists; each room has its own lines) ---
PROCESSORS :=

DAEMON :=

CTL :=

# unit tests: one program per module, tests/unit/test_NAME.c (cmocka)
UNIT :=

LIB := $(B)/libglint.a
PROGRAMS := $(B)/glintd $(B)/glintctl

all: $(PROGRAMS)

$(LIB): $(patsubst %.c,$(B)/%.o,$(PROCESSORS) $(DAEMON))
	@rm -f $@
	ar rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(B)/glintd: $(B)/daemon/main.o $(LIB)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/glintctl: $(patsubst %.c,$(B)/%.o,$(CTL)) $(LIB)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/tests/unit/test_%: $(B)/tests/unit/test_%.o $(LIB)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) -lcmocka

-include $(shell find $(B) -name '*.d' 2>/dev/null)

clean:
	rm -rf build

.PHONY: all clean
