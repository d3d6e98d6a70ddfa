/* What startup.c needs of a RISC-V core: semihosting, the stack pointer and the first code. */
#ifndef EDGE_MACHINE_RISCV_H
#define EDGE_MACHINE_RISCV_H

#include <stdint.h>

/* The model is compiled for less: every core has these, but not every -march says so. */
#define CSR(text) ".option push\n .option arch, +zicsr\n " text "\n .option pop"

static void start(void);
static void fault(void);
void machine_trap(void);
void machine_start(void);

/* The three instructions must be 4 bytes each and lie in one page. */
__attribute__((noinline)) static void semihost(uint32_t operation, const void *argument)
{
    register uint32_t a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = argument;
    __asm__ volatile(".option push\n .option norvc\n .balign 16\n"
                     "slli x0, x0, 0x1f\n ebreak\n srai x0, x0, 7\n .option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
}

static inline uint32_t *machine_stack_pointer(void)
{
    uint32_t *stack_pointer;
    __asm__ volatile("mv %0, sp" : "=r"(stack_pointer));
    return stack_pointer;
}

static uint32_t machine_fault_cause(void)
{
    uint32_t cause;
    __asm__ volatile(CSR("csrr %0, mcause") : "=r"(cause));
    return cause;
}

__attribute__((aligned(4), used)) void machine_trap(void)
{
    fault();
}

__attribute__((used)) void machine_start(void)
{
    __asm__ volatile(CSR("csrw mtvec, %0") : : "r"(machine_trap));
    start();
    for (;;) {
    }
}

/* The core starts at the first byte of the memory; it has no stack yet. */
__attribute__((section(".vectors"), used, naked)) void Reset_Handler(void);
__attribute__((section(".vectors"), used, naked)) void Reset_Handler(void)
{
    __asm__ volatile("la sp, link_stack_top\n j machine_start");
}

#endif
