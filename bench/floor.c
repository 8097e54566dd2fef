/* The floor: the least that a server of event streams can do on this machine. One thread, one epoll; each POST is framed
 * once, and the same bytes are sent to every listener. It is no product: it has no limits, it forgets who is too slow,
 * and it expects a request in one piece.   floor PORT */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define FILES 32768
#define MAX_REQUEST 65536

static int listeners[FILES], place[FILES], count; /* place: where a descriptor stands among them, -1 when it does not */

static void answer(int fd, const char *text, size_t n)
{
    if (send(fd, text, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return; /* the end of it is seen by epoll */
}

static void leave(int fd)
{
    if (place[fd] >= 0) {
        listeners[place[fd]] = listeners[--count];
        place[listeners[place[fd]]] = place[fd];
    }
    place[fd] = -1;
    close(fd);
}

static void publish(int fd, const char *body)
{
    static const char done[] = "HTTP/1.1 204 No Content\r\n\r\n";
    static char message[MAX_REQUEST + 16];
    size_t n = (size_t)sprintf(message, "data: %s\n\n", body);
    for (int i = 0; i < count; i++) answer(listeners[i], message, n);
    answer(fd, done, sizeof done - 1);
}

static void hear(int fd)
{
    static const char begin[] = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\n\r\n: here\n\n";
    static char request[MAX_REQUEST];
    ssize_t n = recv(fd, request, sizeof request - 1, 0);
    if (n <= 0) { leave(fd); return; }
    request[n] = 0;
    char *body = strstr(request, "\r\n\r\n");
    if (body && !strncmp(request, "POST", 4)) publish(fd, body + 4);
    else if (body && place[fd] < 0) {
        place[fd] = count, listeners[count++] = fd;
        answer(fd, begin, sizeof begin - 1);
    }
}

int main(int argc, char **argv)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max < FILES ? files.rlim_max : FILES;
    setrlimit(RLIMIT_NOFILE, &files);
    int on = 1, door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), epoll_fd = epoll_create1(0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(door, (struct sockaddr *)&at, sizeof at) || listen(door, 4096)) { perror("floor"); return 2; }
    struct epoll_event one = {.events = EPOLLIN, .data.fd = door}, events[256];
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, door, &one);
    for (;;) {
        int n = epoll_wait(epoll_fd, events, 256, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd != door) { hear(events[i].data.fd); continue; }
            for (int fd; (fd = accept4(door, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
                if (fd >= FILES) { close(fd); continue; }
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                place[fd] = -1, one.data.fd = fd;
                epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &one);
            }
        }
    }
}
