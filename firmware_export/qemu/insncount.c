/* A QEMU plugin (TCG plugin API 1, QEMU 6.0 and later) that counts the instructions between two
 * marks. It declares the public plugin interface itself, so that no header of QEMU is needed.
 *
 *   gcc -O2 -shared -fPIC -o insncount.so insncount.c
 *   qemu-system-arm ... -icount shift=0 -plugin ./insncount.so,begin=0xA,end=0xB -d plugin -D log
 *
 * A and B are the addresses of harness_mark_begin and harness_mark_end. */
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

static uint64_t begin_address, end_address, executed, executed_at_begin;

static void on_begin(unsigned cpu, void *data)
{
    (void)cpu;
    (void)data;
    executed_at_begin = executed;
}

static void on_end(unsigned cpu, void *data)
{
    char line[64];
    (void)cpu;
    (void)data;
    (void)snprintf(line, sizeof line, "instructions=%" PRIu64 "\n",
                   executed - executed_at_begin - MARK_INSTRUCTIONS);
    qemu_plugin_outs(line);
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
        if (address == end_address) {
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_end, CALLBACK_NO_REGISTERS, NULL);
        }
        qemu_plugin_register_vcpu_insn_exec_inline(insn, INLINE_ADD_U64, &executed, 1);
    }
}

static bool read_address(const char *argument, const char *key, uint64_t *address)
{
    const size_t length = strlen(key);
    if (strncmp(argument, key, length) != 0) {
        return false;
    }
    *address = strtoull(argument + length, NULL, 0) & ~(uint64_t)1; /* without the Thumb bit */
    return true;
}

EXPORTED int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
                                 char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (!read_address(argv[i], "begin=", &begin_address)) {
            (void)read_address(argv[i], "end=", &end_address);
        }
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
    return 0;
}
