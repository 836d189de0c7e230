export function exampleTable() {
  return '';
}
