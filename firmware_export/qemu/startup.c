/* Start-up on QEMU's boards, without vendor headers: .data and .bss, output and exit through
 * semihosting, marks for the counting plugin, stack painting. */
#include "harness.h"

#if defined(__riscv)
#include "machine_riscv.h"
#else
#include "machine_arm.h"
#endif

#define SYS_WRITE0 0x04u
#define SYS_EXIT_EXTENDED 0x20u
#define ADP_STOPPED_APPLICATION_EXIT 0x20026u
#define FAULT_EXIT_CODE 99
#define PAINT 0xA5C3A5C3u

extern uint32_t link_stack_top[], link_stack_limit[], link_data_start[], link_data_end[],
    link_data_load[], link_bss_start[], link_bss_end[];

int main(void);

static void leave(int code)
{
    const uint32_t arguments[2] = {ADP_STOPPED_APPLICATION_EXIT, (uint32_t)code};
    semihost(SYS_EXIT_EXTENDED, arguments);
    for (;;) {
    }
}

void harness_print(const char *key, uint32_t value)
{
    char text[12]; /* no division: it would pull the compiler's library into the model's flash */
    text[0] = '=';
    text[1] = '0';
    text[2] = 'x';
    for (int i = 0; i < 8; i++) {
        text[3 + i] = "0123456789abcdef"[(value >> (28 - 4 * i)) & 15u];
    }
    text[11] = '\0';
    semihost(SYS_WRITE0, key);
    semihost(SYS_WRITE0, text);
    semihost(SYS_WRITE0, "\n");
}

__attribute__((noinline, used)) void harness_mark_begin(void)
{
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline, used)) void harness_mark_end(void)
{
    __asm__ volatile("" ::: "memory");
}

static uint32_t *painted_top;

__attribute__((noinline)) void harness_stack_paint(void)
{
    uint32_t *stack_pointer = machine_stack_pointer();
    painted_top = stack_pointer;
    for (volatile uint32_t *word = link_stack_limit; word < stack_pointer; word++) {
        *word = PAINT;
    }
}

uint32_t harness_stack_used(void)
{
    const uint32_t *word = link_stack_limit;
    while (word < painted_top && *word == PAINT) {
        word++;
    }
    return (uint32_t)((const char *)painted_top - (const char *)word);
}

static void fault(void)
{
    harness_print("fault", machine_fault_cause());
    leave(FAULT_EXIT_CODE);
}

static void start(void)
{
    const uint32_t *load = link_data_load;
    for (uint32_t *word = link_data_start; word < link_data_end; word++) {
        *word = *load++;
    }
    for (uint32_t *word = link_bss_start; word < link_bss_end; word++) {
        *word = 0u;
    }
    leave(main());
}
