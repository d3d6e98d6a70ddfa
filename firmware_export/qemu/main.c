/* Runs an exported model on its golden vectors and prints what it finds.
 * The compiler is told EDGE_PREFIX and EDGE_SELFTEST_HEADER. */
#include "harness.h"

#include EDGE_SELFTEST_HEADER

#define PASTE_NAMES(prefix, name) prefix##name
#define PASTE(prefix, name) PASTE_NAMES(prefix, name)
#define MODEL(name) PASTE(EDGE_PREFIX, name)

static uint32_t run_vector(uint32_t vector)
{
    MODEL(_selftest_load)(vector);
    harness_stack_paint();
    harness_mark_begin();
    MODEL(_run)();
    harness_mark_end();
    const uint32_t stack = harness_stack_used();
    harness_print("differing", MODEL(_selftest_compare)(vector));
    return stack;
}

int main(void)
{
    uint32_t stack = 0u;
    for (uint32_t vector = 0u; vector < MODEL(_selftest_vector_count)(); vector++) {
        const uint32_t used = run_vector(vector);
        stack = used > stack ? used : stack;
    }
    harness_print("stack", stack);
    harness_print("first", (uint32_t)MODEL(_selftest)());
    return 0;
}
