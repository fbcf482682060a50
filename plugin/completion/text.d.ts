// The completion scripts are bundled as text.
declare module '*.bash' {
  const text: string;
  export { text as default };
}
declare module '*.zsh' {
  const text: string;
  export { text as default };
}
declare module '*.fish' {
  const text: string;
  export { text as default };
}
declare module '*.ps1' {
  const text: string;
  export { text as default };
}
