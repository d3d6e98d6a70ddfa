/* One inference as a line of text, for a serial port: what the daemon's source `microcontroller`
 * reads and audits. No kernel needs it.
 *
 *     {"seq":7,"input":"BASE64","output":"BASE64"}*CCCC
 *
 * The codes are the tensors' bytes in base64 (RFC 4648); CCCC is the CRC-16/CCITT-FALSE of what
 * stands before the star (polynomial 0x1021, start 0xFFFF), in hexadecimal digits. */
#ifndef EDGE_REPORT_H
#define EDGE_REPORT_H

#include "edge_types.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sends one character; `context` is what edge_report was given. */
typedef void (*edge_put_t)(void *context, char character);

/* Where the characters go, and the check sum of those that went. */
typedef struct {
    edge_put_t put;
    void *context;
    uint16_t crc;
} edge_report_t;

EDGE_INLINE void edge_report_put(edge_report_t *report, char character)
{
    int32_t bit;

    report->crc = (uint16_t)(report->crc ^ (uint16_t)((uint16_t)(uint8_t)character << 8));
    for (bit = 0; bit < 8; bit++) {
        const uint16_t carry = (report->crc & 0x8000u) != 0u ? 0x1021u : 0u;
        report->crc = (uint16_t)((uint16_t)(report->crc << 1) ^ carry);
    }
    report->put(report->context, character);
}

EDGE_KERNEL void edge_report_text(edge_report_t *report, const char *text)
{
    for (; *text != '\0'; text++) {
        edge_report_put(report, *text);
    }
}

EDGE_KERNEL void edge_report_number(edge_report_t *report, uint32_t number)
{
    char digits[10];
    int32_t count = 0;

    do {
        digits[count] = (char)('0' + (char)(number % 10u));
        number /= 10u;
        count++;
    } while (number != 0u);
    while (count > 0) {
        count--;
        edge_report_put(report, digits[count]);
    }
}

/* Sends `size` bytes as base64: four characters for three bytes, '=' where bytes are missing. */
EDGE_KERNEL void edge_report_base64(edge_report_t *report, const int8_t *bytes, uint32_t size)
{
    static const char alphabet[65] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t start;

    for (start = 0u; start < size; start += 3u) {
        const uint32_t left = size - start;
        uint32_t group = (uint32_t)(uint8_t)bytes[start] << 16;

        group |= left > 1u ? (uint32_t)(uint8_t)bytes[start + 1u] << 8 : 0u;
        group |= left > 2u ? (uint32_t)(uint8_t)bytes[start + 2u] : 0u;
        edge_report_put(report, alphabet[group >> 18]);
        edge_report_put(report, alphabet[(group >> 12) & 63u]);
        edge_report_put(report, left > 1u ? alphabet[(group >> 6) & 63u] : '=');
        edge_report_put(report, left > 2u ? alphabet[group & 63u] : '=');
    }
}

/* Sends one line. `input` may be NULL where this inference is not to be audited; with several
 * outputs, their bytes lie behind one another. Save the input first: PREFIX_run overwrites it. */
EDGE_KERNEL void edge_report(edge_put_t put, void *context, uint32_t sequence, const int8_t *input,
                             uint32_t input_size, const int8_t *output, uint32_t output_size)
{
    edge_report_t report;
    uint32_t crc;
    int32_t shift;

    report.put = put;
    report.context = context;
    report.crc = 0xFFFFu;
    edge_report_text(&report, "{\"seq\":");
    edge_report_number(&report, sequence);
    if (input != NULL) {
        edge_report_text(&report, ",\"input\":\"");
        edge_report_base64(&report, input, input_size);
        edge_report_text(&report, "\"");
    }
    edge_report_text(&report, ",\"output\":\"");
    edge_report_base64(&report, output, output_size);
    edge_report_text(&report, "\"}");
    crc = report.crc;
    put(context, '*');
    for (shift = 12; shift >= 0; shift -= 4) {
        put(context, "0123456789ABCDEF"[(crc >> shift) & 15u]);
    }
    put(context, '\n');
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_REPORT_H */
