/* Start-up on QEMU's Cortex-M boards, without vendor headers: vectors, .data and .bss, FPU and MVE
 * on, output and exit through semihosting, marks for the counting plugin, stack painting. */
#include "harness.h"

#define SYS_WRITE0 0x04u
#define SYS_EXIT_EXTENDED 0x20u
#define ADP_STOPPED_APPLICATION_EXIT 0x20026u
#define FAULT_EXIT_CODE 99
#define PAINT 0xA5C3A5C3u

#define CCR (*(volatile uint32_t *)0xE000ED14u)   /* Configuration and Control Register */
#define CFSR (*(volatile uint32_t *)0xE000ED28u)  /* Configurable Fault Status Register */
#define CPACR (*(volatile uint32_t *)0xE000ED88u) /* Coprocessor Access Control Register */
#define CCR_UNALIGN_TRP (1u << 3)
#define CPACR_CP10_CP11_FULL (0xFu << 20)

extern uint32_t link_stack_top[], link_stack_limit[], link_data_start[], link_data_end[],
    link_data_load[], link_bss_start[], link_bss_end[];

int main(void);
void Reset_Handler(void);

static void semihost(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

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
    uint32_t *stack_pointer;
    __asm__ volatile("mov %0, sp" : "=r"(stack_pointer));
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
    harness_print("fault", CFSR);
    leave(FAULT_EXIT_CODE);
}

__attribute__((noreturn)) void Reset_Handler(void)
{
    CPACR |= CPACR_CP10_CP11_FULL;
#if defined(__ARM_ARCH_6M__)
    CCR |= CCR_UNALIGN_TRP; /* this board's Cortex-M3 would allow what a Cortex-M0+ does not */
#endif
    __asm__ volatile("dsb\n isb" ::: "memory");
    const uint32_t *load = link_data_load;
    for (uint32_t *word = link_data_start; word < link_data_end; word++) {
        *word = *load++;
    }
    for (uint32_t *word = link_bss_start; word < link_bss_end; word++) {
        *word = 0u;
    }
    leave(main());
    for (;;) {
    }
}

typedef void (*handler)(void);

__attribute__((section(".vectors"), used)) static const struct {
    const uint32_t *stack_top;
    handler handlers[15];
} vectors = {
    link_stack_top,
    {Reset_Handler, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault,
     fault, fault, fault},
};
