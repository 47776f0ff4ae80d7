// A second's beat from beside the page. In a tab that nobody looks at browsers let the page's own
// timers wait for a minute, and so long its title and its icon would say that all is well.
setInterval(() => postMessage(null), 1000);
