/* What arrives on one event stream: the answer's head, its chunks, and the messages in them. No sockets here.
 * Messages may be split anywhere, also by chunk framing. Lines may end in \n or \r\n. */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_REST (4u << 20) /* an unfinished head or message beyond this is no event stream */

enum phase { HEAD, SIZE, SIZE_REST, CHUNK, CHUNK_END, PLAIN, OVER, BROKEN };

struct message {
    int has_data, parts; /* parts: how often `part_mark` occurs in the data */
    uint32_t marker;     /* the newest marker in the data, 0 without one */
    int has_id;
    uint64_t epoch, seq; /* of an id "epoch-seq"; the epoch as a hash */
};

struct stream {
    enum phase phase;
    int status;
    size_t left; /* of the current chunk */
    char *rest;  /* decoded, and not yet a whole message */
    size_t rest_len;
    char epoch[64]; /* of the newest id, as text */
};

static const char *marker_mark = "mark-", *part_mark = "<hx-partial";

static void stream_begin(struct stream *s)
{
    free(s->rest);
    memset(s, 0, sizeof *s);
}

static void read_head(struct stream *s, const char *head, size_t len)
{
    char *text = strndup(head, len);
    s->status = len > 12 ? atoi(text + 9) : 0;
    s->phase = strcasestr(text, "\r\ntransfer-encoding: chunked") ? SIZE : PLAIN;
    free(text);
}

/* Decodes `n` bytes behind the head to `out`; returns how many came out. */
static size_t unchunk(struct stream *s, const char *in, size_t n, char *out)
{
    size_t made = 0;
    for (size_t i = 0; i < n && s->phase != OVER && s->phase != BROKEN;) {
        if (s->phase == PLAIN || s->phase == CHUNK) {
            size_t take = s->phase == PLAIN || n - i < s->left ? n - i : s->left;
            memmove(out + made, in + i, take); /* may be decoded in place */
            made += take, i += take;
            if (s->phase == CHUNK && !(s->left -= take)) s->phase = CHUNK_END;
            continue;
        }
        char c = in[i++];
        if (s->phase == CHUNK_END) {
            if (c == '\n') s->phase = SIZE;
        } else if (c == '\n') {
            s->phase = s->left ? CHUNK : OVER;
        } else if (s->phase == SIZE && isxdigit((unsigned char)c)) {
            s->left = s->left * 16 + (size_t)(isdigit((unsigned char)c) ? c - '0' : (c | 32) - 'a' + 10);
            if (s->left > MAX_REST) s->phase = BROKEN;
        } else {
            s->phase = SIZE_REST;
        }
    }
    return made;
}

static void read_id(struct stream *s, struct message *m, const char *value, size_t len)
{
    const char *dash = memrchr(value, '-', len);
    if (!dash || (size_t)(dash - value) >= sizeof s->epoch) return;
    m->has_id = 1;
    m->epoch = 14695981039346656037u; /* FNV-1a */
    for (const char *c = value; c < dash; c++) m->epoch = (m->epoch ^ (unsigned char)*c) * 1099511628211u;
    m->seq = 0;
    for (const char *c = dash + 1; c < value + len && isdigit((unsigned char)*c); c++) m->seq = m->seq * 10 + (uint64_t)(*c - '0');
    memcpy(s->epoch, value, (size_t)(dash - value));
    s->epoch[dash - value] = 0;
}

static void read_data(struct message *m, const char *data, size_t len)
{
    const char *end = data + len, *hit;
    m->has_data = 1;
    for (const char *p = data; (hit = memmem(p, (size_t)(end - p), marker_mark, strlen(marker_mark)));) {
        uint32_t number = 0;
        for (p = hit + strlen(marker_mark); p < end && isdigit((unsigned char)*p); p++) number = number * 10 + (uint32_t)(*p - '0');
        if (number > m->marker) m->marker = number;
    }
    for (const char *p = data; (hit = memmem(p, (size_t)(end - p), part_mark, strlen(part_mark))); p = hit + strlen(part_mark)) m->parts++;
}

/* Reads lines up to the blank one that ends a message; returns what it took, 0 when the message is not whole yet. */
static size_t read_message(struct stream *s, struct message *m, const char *text, size_t len)
{
    memset(m, 0, sizeof *m);
    for (size_t at = 0; at < len;) {
        const char *line = text + at, *newline = memchr(line, '\n', len - at);
        if (!newline) return 0;
        size_t size = (size_t)(newline - line);
        at += size + 1;
        if (size && line[size - 1] == '\r') size--;
        if (!size) return at;
        if (size > 4 && !memcmp(line, "id: ", 4)) read_id(s, m, line + 4, size - 4);
        else if (size > 5 && !memcmp(line, "data:", 5)) read_data(m, line + 5, size - 5);
    }
    return 0;
}

/* Takes `n` bytes from the socket, and calls `found` for each message that is whole now. `work` has room for
 * MAX_REST + n bytes. */
static void stream_take(struct stream *s, const char *in, size_t n, char *work, void (*found)(void *, struct message *), void *whose)
{
    size_t len = s->rest_len, at = 0, took;
    struct message m;
    if (len) memcpy(work, s->rest, len);
    free(s->rest);
    s->rest = NULL, s->rest_len = 0;
    if (s->phase == HEAD) {
        memcpy(work + len, in, n);
        len += n;
        const char *end = memmem(work, len, "\r\n\r\n", 4);
        if (end) {
            size_t head = (size_t)(end - work) + 4;
            read_head(s, work, head);
            len = unchunk(s, work + head, len - head, work);
        }
    } else {
        len += unchunk(s, in, n, work + len);
    }
    if (s->phase != HEAD)
        for (; (took = read_message(s, &m, work + at, len - at)); at += took) found(whose, &m);
    s->rest_len = len - at;
    if (s->rest_len > MAX_REST) s->phase = BROKEN, s->rest_len = 0;
    if (!s->rest_len) return;
    s->rest = malloc(s->rest_len);
    memcpy(s->rest, work + at, s->rest_len);
}
