/* A QEMU plugin (TCG plugin API 1, QEMU 6.0 and later) that counts the instructions between two
 * marks, and those of every call that one function makes in between. It declares the public plugin
 * interface itself, so that no header of QEMU is needed.
 *
 *   gcc -O2 -shared -fPIC -o insncount.so insncount.c
 *   qemu-system-arm ... -icount shift=0 -d plugin -D log \
 *       -plugin ./insncount.so,begin=0xA,end=0xB,from=0xC,to=0xD
 *
 * A and B are the addresses of harness_mark_begin and harness_mark_end; the function lies in
 * [C, D). */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))
#define MARK_INSTRUCTIONS 2u /* the return from the first mark and the call of the second */

typedef uint64_t qemu_plugin_id_t;
typedef struct qemu_info_t qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*translate_callback)(qemu_plugin_id_t, struct qemu_plugin_tb *);
typedef void (*execute_callback)(unsigned, void *);
enum { CALLBACK_NO_REGISTERS = 0, INLINE_ADD_U64 = 0 };

extern void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, translate_callback);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, execute_callback, int,
                                                   void *);
extern void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *, int, void *,
                                                       uint64_t);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
extern void qemu_plugin_outs(const char *);

EXPORTED int qemu_plugin_version = 1;

static uint64_t begin_address, end_address, from_address, to_address;
static uint64_t executed, executed_at_begin, executed_in_function;
static bool is_in_function;

static void print_count(const char *key, uint64_t count)
{
    char line[64];
    (void)snprintf(line, sizeof line, "%s=%" PRIu64 "\n", key, count);
    qemu_plugin_outs(line);
}

static void on_begin(unsigned cpu, void *data)
{
    (void)cpu;
    (void)data;
    executed_at_begin = executed;
    is_in_function = false;
}

/* Between two neighbours of the function nothing else runs, unless the first of them is a call. */
static void on_function(unsigned cpu, void *data)
{
    (void)cpu;
    (void)data;
    if (is_in_function && executed > executed_in_function + 1u) {
        print_count("call", executed - executed_in_function - 1u);
    }
    is_in_function = true;
    executed_in_function = executed;
}

static void on_end(unsigned cpu, void *data)
{
    (void)cpu;
    (void)data;
    /* a call in place of the function's return, before the call of this mark */
    if (is_in_function && executed > executed_in_function + MARK_INSTRUCTIONS) {
        print_count("call", executed - executed_in_function - MARK_INSTRUCTIONS);
    }
    print_count("instructions", executed - executed_at_begin - MARK_INSTRUCTIONS);
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(block, i);
        const uint64_t address = qemu_plugin_insn_vaddr(insn);
        if (address == begin_address) {
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_begin, CALLBACK_NO_REGISTERS, NULL);
        }
        if (address >= from_address && address < to_address) {
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_function, CALLBACK_NO_REGISTERS, NULL);
        }
        if (address == end_address) {
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_end, CALLBACK_NO_REGISTERS, NULL);
        }
        qemu_plugin_register_vcpu_insn_exec_inline(insn, INLINE_ADD_U64, &executed, 1);
    }
}

static void read_address(const char *argument, const char *key, uint64_t *address)
{
    const size_t length = strlen(key);
    if (strncmp(argument, key, length) == 0) {
        *address = strtoull(argument + length, NULL, 0) & ~(uint64_t)1; /* no Thumb bit */
    }
}

EXPORTED int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
                                 char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        read_address(argv[i], "begin=", &begin_address);
        read_address(argv[i], "end=", &end_address);
        read_address(argv[i], "from=", &from_address);
        read_address(argv[i], "to=", &to_address);
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
    return 0;
}
