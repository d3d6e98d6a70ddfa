/* What startup.c needs of a Cortex-M: semihosting, the stack pointer, vectors and the first code. */
#ifndef EDGE_MACHINE_ARM_H
#define EDGE_MACHINE_ARM_H

#include <stdint.h>

#define CCR (*(volatile uint32_t *)0xE000ED14u)   /* Configuration and Control Register */
#define CFSR (*(volatile uint32_t *)0xE000ED28u)  /* Configurable Fault Status Register */
#define CPACR (*(volatile uint32_t *)0xE000ED88u) /* Coprocessor Access Control Register */
#define CCR_UNALIGN_TRP (1u << 3)
#define CPACR_CP10_CP11_FULL (0xFu << 20)

extern uint32_t link_stack_top[];

void Reset_Handler(void);
static void start(void);
static void fault(void);

static void semihost(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

static inline uint32_t *machine_stack_pointer(void)
{
    uint32_t *stack_pointer;
    __asm__ volatile("mov %0, sp" : "=r"(stack_pointer));
    return stack_pointer;
}

static uint32_t machine_fault_cause(void)
{
    return CFSR;
}

__attribute__((noreturn)) void Reset_Handler(void)
{
    CPACR |= CPACR_CP10_CP11_FULL;
#if defined(__ARM_ARCH_6M__)
    CCR |= CCR_UNALIGN_TRP; /* this board's Cortex-M3 would allow what a Cortex-M0+ does not */
#endif
    __asm__ volatile("dsb\n isb" ::: "memory");
    start();
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

#endif
