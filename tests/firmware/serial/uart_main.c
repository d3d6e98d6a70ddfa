/* Prints the golden vectors for ever, as a microcontroller reports what it infers, to the CMSDK
 * UART of QEMU's mps2-an385. Every second line carries its input. FLIP makes one code wrong.
 * The compiler is told EDGE_PREFIX, EDGE_SELFTEST_HEADER, EDGE_INPUT_BYTES, EDGE_OUTPUT_BYTES. */
#include EDGE_SELFTEST_HEADER

#include "kernels/edge_report.h"

#define PASTE_NAMES(prefix, name) prefix##name
#define PASTE(prefix, name) PASTE_NAMES(prefix, name)
#define MODEL(name) PASTE(EDGE_PREFIX, name)

/* Source: Arm Cortex-M System Design Kit TRM, 4.3.2 "APB UART". */
#define UART ((volatile uint32_t *)0x40004000u)
#define UART_DATA 0
#define UART_STATE 1
#define UART_CONTROL 2
#define UART_DIVIDER 4
#define TX_FULL 1u
#define TX_ENABLE 1u
#define PAUSE 200000

static void put(void *context, char character)
{
    (void)context;
    while ((UART[UART_STATE] & TX_FULL) != 0u) {
    }
    UART[UART_DATA] = (uint32_t)(uint8_t)character;
}

static void report(uint32_t sequence)
{
    int8_t input[EDGE_INPUT_BYTES];
    int8_t output[EDGE_OUTPUT_BYTES];
    uint32_t i;

    MODEL(_selftest_load)(sequence % MODEL(_selftest_vector_count)());
    for (i = 0u; i < EDGE_INPUT_BYTES; i++) {
        input[i] = MODEL(_input)()[i];
    }
    MODEL(_run)();
    for (i = 0u; i < EDGE_OUTPUT_BYTES; i++) {
        output[i] = MODEL(_output)()[i];
    }
#ifdef FLIP
    output[0] = (int8_t)(output[0] ^ FLIP);
#endif
    edge_report(put, 0, sequence, sequence % 2u == 0u ? input : 0, EDGE_INPUT_BYTES, output,
                EDGE_OUTPUT_BYTES);
}

int main(void)
{
    uint32_t sequence;

    UART[UART_DIVIDER] = 16u;
    UART[UART_CONTROL] = TX_ENABLE;
    for (sequence = 0u;; sequence++) {
        volatile uint32_t pause;

        report(sequence);
        for (pause = 0u; pause < PAUSE; pause++) {
        }
    }
}
